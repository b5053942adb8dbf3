/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The way of a pin: hit, miss, joined; single flight; withdrawing; what is counted. */
#include <stdlib.h>

#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 100 };

START_TEST(a_miss_loads_and_the_next_pin_hits)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client a, b;
    metrics_reset();
    ck_assert_int_eq(client_pin(&a, f, "a-100"), PIN_WAITING);
    ck_assert_int_eq(a.waiter.lookup, LOOKUP_MISS);
    ck_assert_int_eq(fake_info(f, "a-100").state, SLOT_LOADING);
    ck_assert_uint_eq(fake_info(f, "a-100").waiters, 1);
    fake_load_next(f);
    ck_assert_int_eq(a.answers, 1);
    ck_assert_int_eq(a.status, OK);
    ck_assert_uint_eq(a.waiter.times.fetch_us, 2);
    ck_assert_int_eq(client_pin(&b, f, "a-100"), PIN_READY);
    ck_assert_int_eq(b.waiter.lookup, LOOKUP_HIT);
    ck_assert_ptr_eq(a.pin.value, b.pin.value);
    struct slot_info i = fake_info(f, "a-100");
    ck_assert_int_eq(i.state, SLOT_RESIDENT);
    ck_assert_uint_eq(i.pins, 2);
    ck_assert_uint_eq(i.hits, 1);
    ck_assert_uint_eq(i.misses, 1);
    ck_assert_uint_eq(i.bytes, 100);
    ck_assert_str_eq(i.version, "7");
    ck_assert_uint_eq(fake_used(f, BUDGET_RESIDENT), 100);
    ck_assert_uint_eq(fake_used(f, BUDGET_RESERVED), 0);
    ck_assert_uint_eq(metric_get(M_LOOKUP_HIT), 1);
    ck_assert_uint_eq(metric_get(M_LOOKUP_MISS), 1);
    ck_assert_uint_eq(metric_get(M_LOADS_OK), 1);
    client_unpin(&a, f);
    client_unpin(&b, f);
    fake_free(f);
}
END_TEST

START_TEST(five_hundred_first_calls_load_once)
{
    enum { CLIENTS = 500 };
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client *k = calloc(CLIENTS, sizeof(*k));
    metrics_reset();
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(client_pin(&k[i], f, "a-100"), PIN_WAITING);
    ck_assert_uint_eq(fake_loads_queued(f), 1);
    fake_load_next(f);
    ck_assert_uint_eq(fake_loads_queued(f), 0);
    ck_assert_uint_eq(fake_info(f, "a-100").pins, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        ck_assert_int_eq(k[i].answers, 1);
        ck_assert_int_eq(k[i].status, OK);
        ck_assert_int_eq(k[i].waiter.lookup, i ? LOOKUP_JOINED : LOOKUP_MISS);
        client_unpin(&k[i], f);
    }
    ck_assert_uint_eq(metric_get(M_LOOKUP_MISS), 1);
    ck_assert_uint_eq(metric_get(M_LOOKUP_JOINED), CLIENTS - 1);
    ck_assert_uint_eq(fake_info(f, "a-100").pins, 0);
    free(k);
    fake_free(f);
}
END_TEST

START_TEST(a_withdrawn_waiter_is_not_called_and_the_load_goes_on)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k[3];
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(client_pin(&k[i], f, "a-100"), PIN_WAITING);
    ck_assert(cache_cancel_wait(f->cache, &k[1].waiter));
    ck_assert(!cache_cancel_wait(f->cache, &k[1].waiter));
    ck_assert(cache_cancel_wait(f->cache, &k[0].waiter));
    fake_load_next(f);
    ck_assert_int_eq(k[0].answers, 0);
    ck_assert_int_eq(k[1].answers, 0);
    ck_assert_int_eq(k[2].answers, 1);
    ck_assert(!cache_cancel_wait(f->cache, &k[2].waiter));
    ck_assert_uint_eq(fake_info(f, "a-100").pins, 1);
    client_unpin(&k[2], f);
    fake_free(f);
}
END_TEST

START_TEST(a_load_whose_waiters_all_left_becomes_resident)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    ck_assert_int_eq(client_pin(&k, f, "a-100"), PIN_WAITING);
    ck_assert(cache_cancel_wait(f->cache, &k.waiter));
    fake_load_next(f);
    ck_assert_int_eq(fake_info(f, "a-100").state, SLOT_RESIDENT);
    ck_assert_uint_eq(fake_info(f, "a-100").pins, 0);
    ck_assert_int_eq(client_touch(f, "a-100"), LOOKUP_HIT);
    fake_free(f);
}
END_TEST

START_TEST(only_invocations_count_and_stamp)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client a, b, c;
    metrics_reset();
    atomic_store(&f->now_us, 50);
    ck_assert_int_eq(client_load(&a, f, "a-100"), PIN_WAITING);
    ck_assert_int_eq(client_load(&b, f, "a-100"), PIN_WAITING);
    fake_load_next(f);
    ck_assert_int_eq(client_load(&c, f, "a-100"), PIN_READY);
    ck_assert_int_eq(c.waiter.lookup, LOOKUP_HIT);
    struct slot_info i = fake_info(f, "a-100");
    ck_assert_uint_eq(i.hits + i.misses + i.joined, 0);
    ck_assert_uint_eq(i.last_used_us, 0);
    ck_assert_uint_eq(metric_get(M_LOOKUP_HIT) + metric_get(M_LOOKUP_MISS), 0);
    ck_assert_uint_eq(metric_get(M_LOOKUP_JOINED), 0);
    ck_assert_int_eq(client_touch(f, "a-100"), LOOKUP_HIT);
    ck_assert_uint_eq(fake_info(f, "a-100").last_used_us, 50);
    client_unpin(&a, f);
    client_unpin(&b, f);
    client_unpin(&c, f);
    fake_free(f);
}
END_TEST

START_TEST(an_unknown_name_leaves_no_record)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client a, b;
    metrics_reset();
    ck_assert_int_eq(client_pin(&a, f, "missing"), PIN_WAITING);
    ck_assert_int_eq(client_pin(&b, f, "missing"), PIN_WAITING);
    fake_load_next(f);
    ck_assert_int_eq(a.status, E_NOT_FOUND);
    ck_assert_int_eq(b.status, E_NOT_FOUND);
    ck_assert_uint_eq(a.waiter.retry_after_s, 0);
    struct slot_info i;
    ck_assert(!cache_info(f->cache, "missing", &i));
    ck_assert_uint_eq(metric_get(M_LOADS_NOT_FOUND), 1);
    fake_free(f);
}
END_TEST

START_TEST(a_model_that_went_from_the_store_loses_its_record)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    client_touch(f, "a-600");
    client_touch(f, "b-400");
    ck_assert_int_eq(client_pin(&k, f, "c-600"), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    f->mode = FAKE_INLINE;
    fake_run_load(f, &call);
    client_unpin(&k, f);
    f->mode = FAKE_MANUAL;
    ck_assert_int_eq(client_pin(&k, f, "a-600"), PIN_WAITING);
    call = fake_next_load(f);
    fake_fail_load(f, &call, E_NOT_FOUND);
    struct slot_info i;
    ck_assert(!cache_info(f->cache, "a-600", &i));
    fake_free(f);
}
END_TEST

START_TEST(looking_at_a_resident_model_counts_nothing_and_loads_nothing)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct pin pin;
    metrics_reset();
    ck_assert(!cache_pin_resident(f->cache, "a-100", &pin));
    ck_assert_uint_eq(fake_loads_queued(f), 0);
    client_touch(f, "a-100");
    ck_assert(cache_pin_resident(f->cache, "a-100", &pin));
    ck_assert_str_eq(((struct fake_value *)pin.value)->name, "a-100");
    ck_assert_uint_eq(fake_info(f, "a-100").pins, 1);
    ck_assert_uint_eq(fake_info(f, "a-100").hits, 0);
    ck_assert_uint_eq(metric_get(M_LOOKUP_HIT), 0);
    cache_unpin(f->cache, &pin);
    fake_free(f);
}
END_TEST

/* A waiter whose done goes straight back into the cache. */
struct eager {
    struct waiter waiter;
    struct fake *fake;
    struct client again;
};

static void eager_done(struct waiter *w, enum status s, const struct pin *pin,
                       const struct err *err)
{
    struct eager *e = CONTAINER_OF(w, struct eager, waiter);
    UNUSED(err);
    ck_assert_int_eq(s, OK);
    ck_assert_int_eq(client_pin(&e->again, e->fake, "a-100"), PIN_READY);
    client_unpin(&e->again, e->fake);
    cache_unpin(e->fake->cache, pin);
}

static void delete_again(void *arg)
{
    struct fake *f = arg;
    struct err err;
    ck_assert_int_eq(cache_unload(f->cache, "a-100", delete_again, f, &err), E_NOT_FOUND);
}

START_TEST(callbacks_may_call_the_cache)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct eager e = {.waiter = {.done = eager_done, .counts = true}, .fake = f};
    struct pin pin;
    struct err err;
    ck_assert_int_eq(cache_pin(f->cache, "a-100", 1, &e.waiter, &pin, &err), PIN_WAITING);
    fake_load_next(f);
    ck_assert_int_eq(e.again.status, OK);
    ck_assert_uint_eq(fake_info(f, "a-100").pins, 0);
    ck_ok(cache_unload(f->cache, "a-100", delete_again, f, &err), &err);
    fake_unload_next(f);
    fake_free(f);
}
END_TEST

/* Answers by the list, in the order of the calls. */
static struct {
    int calls, answers;
    struct waiter *order[8];
} together;

static void note_list(struct waiter *list, enum status s, const struct pin *pin,
                      const struct err *err)
{
    UNUSED(err);
    ck_assert_int_eq(s, OK);
    ck_assert_ptr_nonnull(pin);
    together.calls++;
    for (; list; list = list->next)
        together.order[together.answers++] = list;
}

START_TEST(who_waits_for_one_load_is_answered_together)
{
    enum { LISTED = 4 };
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct waiter w[LISTED];
    struct client first, between;
    struct pin pin;
    struct err err;
    client_pin(&first, f, "a-100");
    for (int i = 0; i < LISTED; i++) {
        w[i] = (struct waiter){.done_all = note_list, .counts = true};
        ck_assert_int_eq(cache_pin(f->cache, "a-100", 1, &w[i], &pin, &err), PIN_WAITING);
        if (i == 1)
            client_pin(&between, f, "a-100");
    }
    ck_assert(cache_cancel_wait(f->cache, &w[2]));
    fake_load_next(f);
    ck_assert_int_eq(together.calls, 1);
    ck_assert_int_eq(together.answers, LISTED - 1);
    ck_assert_ptr_eq(together.order[0], &w[0]);
    ck_assert_ptr_eq(together.order[1], &w[1]);
    ck_assert_ptr_eq(together.order[2], &w[3]);
    ck_assert_int_eq(first.answers, 1);
    ck_assert_int_eq(between.answers, 1);
    ck_assert_uint_eq(fake_info(f, "a-100").pins, LISTED - 1 + 2);
    for (int i = 0; i < LISTED - 1; i++)
        cache_unpin(f->cache, &first.pin);
    client_unpin(&first, f);
    client_unpin(&between, f);
    fake_free(f);
}
END_TEST

Suite *suite_pins(void)
{
    return SUITE("pins", a_miss_loads_and_the_next_pin_hits, five_hundred_first_calls_load_once,
                 a_withdrawn_waiter_is_not_called_and_the_load_goes_on,
                 a_load_whose_waiters_all_left_becomes_resident, only_invocations_count_and_stamp,
                 an_unknown_name_leaves_no_record,
                 a_model_that_went_from_the_store_loses_its_record,
                 looking_at_a_resident_model_counts_nothing_and_loads_nothing,
                 callbacks_may_call_the_cache, who_waits_for_one_load_is_answered_together);
}
