/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* DELETE in every state of a slot: who is told, when, and what a pin finds meanwhile. */
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 100 };

static void count_call(void *arg)
{
    ++*(int *)arg;
}

/* DELETE; *calls grows when it is answered. */
static enum status unload(struct fake *f, const char *name, int *calls)
{
    struct err err = {.code = OK};
    enum status s = cache_unload(f->cache, name, count_call, calls, &err);
    ck_assert_int_eq(err.code, s);
    return s;
}

START_TEST(a_resident_model_drains_and_its_record_stays)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    int calls = 0;
    metrics_reset();
    client_touch(f, "a-100");
    ck_assert_int_eq(unload(f, "a-100", &calls), OK);
    ck_assert_int_eq(fake_info(f, "a-100").state, SLOT_DRAINING);
    ck_assert_uint_eq(fake_used(f, BUDGET_DRAINING), 100);
    ck_assert_int_eq(calls, 0);
    fake_unload_next(f);
    ck_assert_int_eq(calls, 1);
    ck_assert_uint_eq(fake_used(f, BUDGET_DRAINING), 0);
    struct slot_info i = fake_info(f, "a-100");
    ck_assert_str_eq(i.name, "a-100");
    ck_assert_int_eq(i.state, SLOT_ABSENT);
    ck_assert_uint_eq(i.bytes, 0);
    ck_assert_uint_eq(i.evictions, 1);
    ck_assert_uint_eq(metric_get(M_EVICT_UNLOAD), 1);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 0);
    ck_assert_uint_eq(metric_get(M_UNLOADS), 1);
    ck_assert_int_eq(client_touch(f, "a-100"), LOOKUP_MISS);
    fake_free(f);
}
END_TEST

START_TEST(what_is_not_there_cannot_be_deleted)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    int calls = 0;
    ck_assert_int_eq(unload(f, "never-1", &calls), E_NOT_FOUND);
    client_touch(f, "gone-100");
    ck_assert_int_eq(unload(f, "gone-100", &calls), OK);
    fake_unload_next(f);
    ck_assert_int_eq(unload(f, "gone-100", &calls), E_NOT_FOUND);
    ck_assert_int_eq(client_pin(&k, f, "corrupt-1"), PIN_WAITING);
    fake_load_next(f);
    ck_assert_int_eq(unload(f, "corrupt-1", &calls), E_NOT_FOUND);
    ck_assert_int_eq(calls, 1);
    fake_free(f);
}
END_TEST

START_TEST(a_pinned_model_is_unloaded_at_its_last_unpin)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client a, b;
    int calls = 0;
    client_touch(f, "a-100");
    ck_assert_int_eq(client_pin(&a, f, "a-100"), PIN_READY);
    ck_assert_int_eq(client_pin(&b, f, "a-100"), PIN_READY);
    ck_assert_int_eq(unload(f, "a-100", &calls), OK);
    ck_assert_int_eq(unload(f, "a-100", &calls), OK);
    client_unpin(&a, f);
    ck_assert_uint_eq(fake_unloads_queued(f), 0);
    client_unpin(&b, f);
    ck_assert_uint_eq(fake_unloads_queued(f), 1);
    ck_assert_int_eq(calls, 0);
    fake_unload_next(f);
    ck_assert_int_eq(calls, 2);
    fake_free(f);
}
END_TEST

START_TEST(a_pin_after_delete_loads_anew_while_the_old_drains)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client old, new;
    uint64_t by_state[5];
    int calls = 0;
    client_touch(f, "a-100");
    ck_assert_int_eq(client_pin(&old, f, "a-100"), PIN_READY);
    ck_assert_int_eq(unload(f, "a-100", &calls), OK);
    ck_assert_int_eq(client_pin(&new, f, "a-100"), PIN_WAITING);
    ck_assert_int_eq(new.waiter.lookup, LOOKUP_MISS);
    fake_load_next(f);
    ck_assert_int_eq(new.status, OK);
    ck_assert_ptr_ne(new.pin.value, old.pin.value);
    ck_assert_str_eq(((struct fake_value *)old.pin.value)->name, "a-100");
    ck_assert_uint_eq(fake_used(f, BUDGET_RESIDENT), 100);
    ck_assert_uint_eq(fake_used(f, BUDGET_DRAINING), 100);
    struct slot_info i = fake_info(f, "a-100");
    ck_assert_uint_eq(i.misses, 2);
    ck_assert_uint_eq(i.hits, 1);
    ck_assert_uint_eq(i.loads, 2);
    ck_assert_uint_eq(i.pins, 1);
    cache_counts(f->cache, by_state);
    ck_assert_uint_eq(by_state[SLOT_DRAINING], 1);
    ck_assert_uint_eq(by_state[SLOT_RESIDENT], 1);
    client_unpin(&old, f);
    fake_unload_next(f);
    ck_assert_int_eq(calls, 1);
    cache_counts(f->cache, by_state);
    ck_assert_uint_eq(by_state[SLOT_DRAINING], 0);
    ck_assert_uint_eq(by_state[SLOT_ABSENT], 0);
    ck_assert_int_eq(fake_info(f, "a-100").state, SLOT_RESIDENT);
    client_unpin(&new, f);
    fake_free(f);
}
END_TEST

START_TEST(a_load_that_holds_nothing_is_cancelled_at_once)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client a, b;
    int calls = 0;
    metrics_reset();
    ck_assert_int_eq(client_pin(&a, f, "a-100"), PIN_WAITING);
    ck_assert_int_eq(client_pin(&b, f, "a-100"), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    ck_assert_int_eq(unload(f, "a-100", &calls), OK);
    ck_assert_int_eq(calls, 1);
    ck_assert(cache_load_cancelled(f->cache, call.slot));
    struct err err;
    ck_assert_int_eq(fake_reserve(f, &call, &err), E_CANCELLED);
    ck_assert_int_eq(err.code, E_CANCELLED);
    ck_assert_int_eq(a.answers, 0);
    fake_fail_load(f, &call, E_STORE);
    ck_assert_int_eq(a.status, E_CANCELLED);
    ck_assert_int_eq(b.status, E_CANCELLED);
    ck_assert_uint_eq(a.waiter.retry_after_s, 1);
    ck_assert_uint_eq(metric_get(M_LOADS_CANCELLED), 1);
    struct slot_info i;
    ck_assert(!cache_info(f->cache, "a-100", &i));
    ck_assert_uint_eq(fake_used(f, BUDGET_RESERVED), 0);
    fake_free(f);
}
END_TEST

START_TEST(a_load_that_holds_bytes_is_waited_for)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    struct err err;
    int calls = 0;
    ck_assert_int_eq(client_pin(&k, f, "a-100"), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    ck_ok(fake_reserve(f, &call, &err), &err);
    ck_assert_int_eq(unload(f, "a-100", &calls), OK);
    ck_assert_int_eq(calls, 0);
    fake_fail_load(f, &call, E_CANCELLED);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(k.status, E_CANCELLED);
    ck_assert_uint_eq(fake_used(f, BUDGET_RESERVED), 0);
    fake_free(f);
}
END_TEST

START_TEST(a_value_that_comes_after_the_cancel_is_unloaded)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    struct err err;
    int calls = 0;
    metrics_reset();
    ck_assert_int_eq(client_pin(&k, f, "a-100"), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    ck_ok(fake_reserve(f, &call, &err), &err);
    ck_assert_int_eq(unload(f, "a-100", &calls), OK);
    fake_finish_load(f, &call);
    ck_assert_int_eq(k.status, E_CANCELLED);
    ck_assert_int_eq(k.answers, 1);
    ck_assert_int_eq(calls, 0);
    ck_assert_int_eq(fake_info(f, "a-100").state, SLOT_DRAINING);
    ck_assert_uint_eq(fake_used(f, BUDGET_DRAINING), 100);
    fake_unload_next(f);
    ck_assert_int_eq(calls, 1);
    ck_assert_uint_eq(metric_get(M_LOADS_CANCELLED), 1);
    ck_assert_uint_eq(metric_get(M_LOADS_OK), 0);
    fake_free(f);
}
END_TEST

START_TEST(a_pin_after_a_cancel_does_not_join_the_cancelled_load)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client old, new;
    int calls = 0;
    ck_assert_int_eq(client_pin(&old, f, "a-100"), PIN_WAITING);
    struct fake_call first = fake_next_load(f);
    ck_assert_int_eq(unload(f, "a-100", &calls), OK);
    ck_assert_int_eq(client_pin(&new, f, "a-100"), PIN_WAITING);
    ck_assert_int_eq(new.waiter.lookup, LOOKUP_MISS);
    fake_load_next(f);
    ck_assert_int_eq(new.status, OK);
    ck_assert_int_eq(old.answers, 0);
    fake_run_load(f, &first);
    ck_assert_int_eq(old.status, E_CANCELLED);
    ck_assert_int_eq(fake_info(f, "a-100").state, SLOT_RESIDENT);
    ck_assert_uint_eq(fake_info(f, "a-100").pins, 1);
    client_unpin(&new, f);
    fake_free(f);
}
END_TEST

Suite *suite_unload(void)
{
    return SUITE("unload", a_resident_model_drains_and_its_record_stays,
                 what_is_not_there_cannot_be_deleted, a_pinned_model_is_unloaded_at_its_last_unpin,
                 a_pin_after_delete_loads_anew_while_the_old_drains,
                 a_load_that_holds_nothing_is_cancelled_at_once,
                 a_load_that_holds_bytes_is_waited_for,
                 a_value_that_comes_after_the_cancel_is_unloaded,
                 a_pin_after_a_cancel_does_not_join_the_cancelled_load);
}
