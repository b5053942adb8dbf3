/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Loads that nobody waits for any more: the source looks, and who joined before keeps the load. */
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 100 };

static struct fake *f;
static struct err err;

static void setup(void)
{
    metrics_reset();
    f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
}

/* k waits for a load of name that has its bytes. */
static struct fake_call begin(struct client *k, const char *name)
{
    ck_assert_int_eq(client_pin(k, f, name), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    ck_ok(fake_reserve(f, &call, &err), &err);
    return call;
}

static void withdraw(struct client *k)
{
    ck_assert(cache_cancel_wait(f->cache, &k->waiter));
}

START_TEST(a_look_says_how_many_wait)
{
    struct client a, b;
    setup();
    struct fake_call call = begin(&a, "a-100");
    ck_assert_uint_eq(cache_load_look(f->cache, call.slot, true), 1);
    ck_assert_int_eq(client_pin(&b, f, "a-100"), PIN_WAITING);
    ck_assert_uint_eq(cache_load_look(f->cache, call.slot, true), 2);
    withdraw(&a);
    ck_assert_uint_eq(cache_load_look(f->cache, call.slot, true), 1);
    fake_finish_load(f, &call);
    ck_assert_int_eq(b.status, OK);
    client_unpin(&b, f);
    fake_free(f);
}
END_TEST

START_TEST(a_load_that_nobody_waits_for_is_given_up_and_gives_its_bytes_back)
{
    struct client a;
    setup();
    struct fake_call call = begin(&a, "a-100");
    withdraw(&a);
    ck_assert_uint_eq(cache_load_look(f->cache, call.slot, false), 0);
    ck_assert(!cache_load_cancelled(f->cache, call.slot));
    ck_assert_uint_eq(cache_load_look(f->cache, call.slot, true), CACHE_LOAD_CANCELLED);
    ck_assert(cache_load_cancelled(f->cache, call.slot));
    ck_assert_uint_eq(fake_used(f, BUDGET_RESERVED), 100);
    fake_fail_load(f, &call, E_CANCELLED);
    ck_assert_uint_eq(fake_used(f, BUDGET_RESERVED), 0);
    ck_assert_uint_eq(metric_get(M_LOADS_CANCELLED), 1);
    ck_assert_int_eq(a.answers, 0);
    ck_assert_int_eq(client_pin(&a, f, "a-100"), PIN_WAITING); /* no back-off: it loads anew */
    fake_load_next(f);
    ck_assert_int_eq(a.status, OK);
    client_unpin(&a, f);
    fake_free(f);
}
END_TEST

START_TEST(who_joins_before_the_look_keeps_the_load)
{
    struct client a, b;
    setup();
    struct fake_call call = begin(&a, "a-100");
    withdraw(&a);
    ck_assert_int_eq(client_pin(&b, f, "a-100"), PIN_WAITING);
    ck_assert_int_eq(b.waiter.lookup, LOOKUP_JOINED);
    ck_assert_uint_eq(cache_load_look(f->cache, call.slot, true), 1);
    fake_finish_load(f, &call);
    ck_assert_int_eq(b.status, OK);
    ck_assert_uint_eq(fake_loads_queued(f), 0);
    client_unpin(&b, f);
    fake_free(f);
}
END_TEST

START_TEST(who_joins_after_the_look_loads_anew)
{
    struct client a, b;
    setup();
    struct fake_call call = begin(&a, "a-100");
    withdraw(&a);
    ck_assert_uint_eq(cache_load_look(f->cache, call.slot, true), CACHE_LOAD_CANCELLED);
    ck_assert_int_eq(client_pin(&b, f, "a-100"), PIN_WAITING);
    ck_assert_int_eq(b.waiter.lookup, LOOKUP_MISS);
    struct fake_call again = fake_next_load(f);
    ck_assert_ptr_ne(again.slot, call.slot);
    fake_fail_load(f, &call, E_CANCELLED);
    ck_assert_int_eq(b.answers, 0);
    fake_run_load(f, &again);
    ck_assert_int_eq(b.status, OK);
    client_unpin(&b, f);
    fake_free(f);
}
END_TEST

START_TEST(a_value_that_comes_all_the_same_is_unloaded)
{
    struct client a;
    setup();
    struct fake_call call = begin(&a, "a-100");
    withdraw(&a);
    ck_assert_uint_eq(cache_load_look(f->cache, call.slot, true), CACHE_LOAD_CANCELLED);
    fake_finish_load(f, &call);
    ck_assert_uint_eq(fake_used(f, BUDGET_DRAINING), 100);
    fake_unload_next(f);
    ck_assert_uint_eq(fake_used(f, BUDGET_DRAINING), 0);
    fake_free(f);
}
END_TEST

START_TEST(a_hints_load_goes_on_for_nobody)
{
    struct client hint, k;
    setup();
    ck_assert_int_eq(client_hint(&hint, f, "a-100", HINT_SOON), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    ck_assert_uint_eq(cache_load_look(f->cache, call.slot, true), 0);
    ck_assert_int_eq(client_pin(&k, f, "a-100"),
                     PIN_WAITING); /* from now on it is like any other */
    ck_assert_uint_gt(cache_load_look(f->cache, call.slot, true), 0);
    withdraw(&k);
    withdraw(&hint);
    ck_assert_uint_eq(cache_load_look(f->cache, call.slot, true), CACHE_LOAD_CANCELLED);
    fake_fail_load(f, &call, E_CANCELLED);
    ck_assert_int_eq(client_hint(&hint, f, "a-100", HINT_SOON), PIN_WAITING);
    call = fake_next_load(f);
    withdraw(&hint);
    ck_assert_uint_eq(cache_load_look(f->cache, call.slot, true), 0);
    fake_run_load(f, &call);
    ck_assert_int_eq(fake_info(f, "a-100").state, SLOT_RESIDENT);
    fake_free(f);
}
END_TEST

START_TEST(what_another_load_waits_for_is_not_given_up)
{
    struct client a, b;
    struct share_want mine[FAKE_SHARES_MAX], theirs[FAKE_SHARES_MAX];
    setup();
    ck_assert_int_eq(client_pin(&a, f, "a-100+x50"), PIN_WAITING);
    ck_assert_int_eq(client_pin(&b, f, "b-100+x50"), PIN_WAITING);
    struct fake_call first = fake_next_load(f), second = fake_next_load(f);
    const struct load_need need = {100, 0, mine, fake_wants(first.name, mine)};
    ck_ok(cache_load_reserve(f->cache, first.slot, &need, &err), &err);
    withdraw(&a);
    ck_assert_uint_eq(cache_load_look(f->cache, first.slot, false), 0);
    const struct load_need other = {100, 0, theirs, fake_wants(second.name, theirs)};
    ck_ok(cache_load_reserve(f->cache, second.slot, &other, &err), &err);
    ck_assert(!theirs[0].mine);
    ck_assert_uint_eq(cache_load_look(f->cache, first.slot, true), 1);
    fake_fill(f, &first, mine, 1);
    ck_assert_uint_eq(cache_load_look(f->cache, first.slot, true), CACHE_LOAD_CANCELLED);
    fake_let_go(f, &first);
    fake_fail_load(f, &first, E_CANCELLED);
    fake_fill(f, &second, theirs, 1);
    ck_assert_int_eq(cache_load_await(f->cache, second.slot, theirs), SHARES_READY);
    fake_finish_shared(f, &second, theirs, 1);
    ck_assert_int_eq(b.status, OK);
    client_unpin(&b, f);
    fake_free(f);
}
END_TEST

Suite *suite_give_up(void)
{
    return SUITE("give_up", a_look_says_how_many_wait,
                 a_load_that_nobody_waits_for_is_given_up_and_gives_its_bytes_back,
                 who_joins_before_the_look_keeps_the_load, who_joins_after_the_look_loads_anew,
                 a_value_that_comes_all_the_same_is_unloaded, a_hints_load_goes_on_for_nobody,
                 what_another_load_waits_for_is_not_given_up);
}
