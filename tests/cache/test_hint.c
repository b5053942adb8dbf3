/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Loads that nobody waits for: they take free bytes and nothing else. */
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 100 };

START_TEST(a_hint_evicts_nobody)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    struct client k;
    metrics_reset();
    client_touch(f, "a-600");
    ck_assert_int_eq(client_hint(&k, f, "b-600", HINT_SOON), PIN_WAITING);
    ck_assert_int_eq(k.status, E_NO_ROOM);
    ck_assert_int_eq(fake_info(f, "a-600").state, SLOT_RESIDENT);
    ck_assert_int_eq(fake_info(f, "b-600").state, SLOT_ABSENT);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 0);
    ck_assert_int_eq(client_hint(&k, f, "c-400", HINT_SOON), PIN_WAITING);
    ck_assert_int_eq(k.status, OK);
    client_unpin(&k, f);
    ck_assert_uint_eq(fake_used(f, BUDGET_RESIDENT), 1000);
    fake_free(f);
}
END_TEST

static void *unload_one(void *fake)
{
    fake_unload_next(fake);
    return NULL;
}

START_TEST(a_hint_that_is_joined_is_a_load_like_any_other)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client hint, k;
    struct err err;
    client_touch(f, "a-600");
    ck_assert_int_eq(client_hint(&hint, f, "b-600", HINT_COLD), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    ck_assert_int_eq(client_pin(&k, f, "b-600"), PIN_WAITING);
    ck_assert_int_eq(k.waiter.lookup, LOOKUP_JOINED);
    pthread_t unloads;
    ck_assert_int_eq(pthread_create(&unloads, NULL, unload_one, f), 0);
    ck_ok(fake_reserve(f, &call, &err), &err); /* evicts a-600 and waits for it */
    pthread_join(unloads, NULL);
    fake_finish_load(f, &call);
    ck_assert_int_eq(fake_info(f, "a-600").state, SLOT_ABSENT);
    ck_assert_int_eq(hint.status, OK);
    ck_assert_int_eq(k.status, OK);
    client_unpin(&hint, f);
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

START_TEST(another_hint_does_not_make_it_one)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client first, second;
    struct err err;
    client_touch(f, "a-600");
    ck_assert_int_eq(client_hint(&first, f, "b-600", HINT_SOON), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    ck_assert_int_eq(client_hint(&second, f, "b-600", HINT_SOON), PIN_WAITING);
    ck_assert_int_eq(fake_reserve(f, &call, &err), E_NO_ROOM);
    cache_load_failed(f->cache, call.slot, &err, 0);
    ck_assert_int_eq(first.status, E_NO_ROOM);
    ck_assert_int_eq(second.status, E_NO_ROOM);
    ck_assert_int_eq(fake_info(f, "a-600").state, SLOT_RESIDENT);
    fake_free(f);
}
END_TEST

/* Makes room for "x-400" and expects `victim` to be the one that went. */
static void expect_victim(struct fake *f, const char *victim)
{
    client_touch(f, "x-400");
    ck_assert_int_eq(fake_info(f, victim).state, SLOT_ABSENT);
}

START_TEST(cold_hints_stand_in_the_order_in_which_they_were_loaded_behind_all_else)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    struct client k;
    static const char *const hottest_first[] = {"a-300", "b-300", "c-300"};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(client_hint(&k, f, hottest_first[i], HINT_COLD), PIN_WAITING);
        client_unpin(&k, f);
        if (i == 0)
            client_touch(f, "asked-100");
    }
    ck_assert_uint_eq(fake_used(f, BUDGET_RESIDENT), 1000);
    client_touch(f, "y-200");
    ck_assert_int_eq(fake_info(f, "c-300").state, SLOT_ABSENT);
    expect_victim(f, "b-300");
    ck_assert_int_eq(fake_info(f, "asked-100").state, SLOT_RESIDENT);
    ck_assert_int_eq(fake_info(f, "a-300").state, SLOT_RESIDENT);
    fake_free(f);
}
END_TEST

START_TEST(a_soon_hint_enters_as_the_newest)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    struct client k;
    client_touch(f, "a-500");
    ck_assert_int_eq(client_hint(&k, f, "b-500", HINT_SOON), PIN_WAITING);
    client_unpin(&k, f);
    expect_victim(f, "a-500");
    ck_assert_int_eq(fake_info(f, "b-500").state, SLOT_RESIDENT);
    ck_assert_uint_eq(fake_info(f, "b-500").misses, 0);
    fake_free(f);
}
END_TEST

/* The record is as it was: whoever asks next loads at once, and may evict. */
START_TEST(a_refused_hint_is_not_held_against_the_model)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    struct client k;
    client_touch(f, "a-600");
    ck_assert_int_eq(client_hint(&k, f, "b-600", HINT_SOON), PIN_WAITING);
    ck_assert_int_eq(k.status, E_NO_ROOM);
    ck_assert_int_eq(client_touch(f, "b-600"), LOOKUP_MISS);
    ck_assert_int_eq(fake_info(f, "a-600").state, SLOT_ABSENT);
    fake_free(f);
}
END_TEST

Suite *suite_hint(void)
{
    return SUITE("hint", a_hint_evicts_nobody, a_hint_that_is_joined_is_a_load_like_any_other,
                 another_hint_does_not_make_it_one,
                 cold_hints_stand_in_the_order_in_which_they_were_loaded_behind_all_else,
                 a_soon_hint_enters_as_the_newest, a_refused_hint_is_not_held_against_the_model);
}
