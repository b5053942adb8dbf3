/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What counts as thrash, what it refuses, and for how long. */
#include "cache/cache_priv.h"
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 100, SECOND_US = 1000000, TWO_FIFTHS = 400000 };

START_TEST(the_ratio_is_of_the_last_minute)
{
    struct thrash t = {.end_us = 0};
    uint64_t now_us = 1000 * (uint64_t)SECOND_US;
    ck_assert_uint_eq(thrash_ratio(&t, now_us, 0), 0);
    thrash_note(&t, now_us, 300, 10, false);
    thrash_note(&t, now_us + SECOND_US, 100, 10, true);
    ck_assert_uint_eq(thrash_ratio(&t, now_us + SECOND_US, 0), 250000);
    ck_assert_uint_eq(thrash_ratio(&t, now_us + SECOND_US, 401), 0); /* too little to judge by */
    thrash_note(&t, now_us + 40 * (uint64_t)SECOND_US, 400, 10, true);
    ck_assert_uint_eq(thrash_ratio(&t, now_us + 40 * (uint64_t)SECOND_US, 0), 625000);
    ck_assert_uint_eq(thrash_ratio(&t, now_us + 70 * (uint64_t)SECOND_US, 0), 1000000);
    ck_assert_uint_eq(thrash_ratio(&t, now_us + 200 * (uint64_t)SECOND_US, 0), 0);
}
END_TEST

/* Two loads at a time of 1 MB a second each are 2 MB a second. */
START_TEST(the_speed_is_that_of_all_loads_together)
{
    struct thrash t = {.end_us = 0};
    uint64_t now_us = 1000 * (uint64_t)SECOND_US;
    ck_assert_uint_eq(thrash_load_us(&t, 1000), 0);
    ck_assert_uint_eq(thrash_wait_s(&t, 1000), 1);
    thrash_note(&t, now_us, 1, 0, false);
    for (int i = 0; i < 200; i++) {
        now_us += SECOND_US;
        thrash_note(&t, now_us, 1000000, SECOND_US, false);
        thrash_note(&t, now_us, 1000000, SECOND_US, false);
    }
    uint64_t us = thrash_load_us(&t, 10000000);
    ck_assert_uint_ge(us, 4700000);
    ck_assert_uint_le(us, 5400000);
    ck_assert_uint_le(thrash_wait_s(&t, 10000000), 6);
    ck_assert_uint_ge(thrash_wait_s(&t, 10000000), 5);
    ck_assert_uint_eq(thrash_wait_s(&t, UINT64_C(1) << 50), THRASH_WAIT_MAX_S);
}
END_TEST

/* A cache in which two models that do not fit together were asked for in turn. */
static struct fake *thrashing(enum fake_mode mode, uint32_t ratio)
{
    const struct cache_config c = {.limit_bytes = LIMIT, .slots_max = SLOTS, .thrash_ratio = ratio};
    metrics_reset();
    struct fake *f = fake_new_with(mode, &c);
    for (int i = 0; i < 6; i++) {
        atomic_fetch_add(&f->now_us, SECOND_US);
        client_touch(f, i % 2 ? "a-600" : "b-600");
    }
    return f;
}

START_TEST(without_a_threshold_nobody_is_refused)
{
    struct fake *f = thrashing(FAKE_INLINE, 0);
    ck_assert_uint_eq(cache_thrash_ratio(f->cache), 666666);
    client_touch(f, "b-600");
    ck_assert_uint_eq(metric_get(M_REFUSED_THRASH), 0);
    fake_free(f);
}
END_TEST

/* Four loads pass: with the fourth, half of the bytes came again. */
START_TEST(cold_work_is_refused_and_hot_work_is_not)
{
    struct client k;
    const struct cache_config c = {
        .limit_bytes = LIMIT, .slots_max = SLOTS, .thrash_ratio = TWO_FIFTHS};
    metrics_reset();
    struct fake *f = fake_new_with(FAKE_INLINE, &c);
    for (int i = 0; i < 4; i++) {
        atomic_fetch_add(&f->now_us, SECOND_US);
        client_touch(f, i % 2 ? "a-600" : "b-600");
    }
    ck_assert_int_eq(client_pin(&k, f, "b-600"), PIN_FAILED);
    ck_assert_int_eq(k.err.code, E_THRASH);
    ck_assert_uint_ge(k.waiter.retry_after_s, 1);
    ck_assert_int_eq(k.waiter.lookup, LOOKUP_NONE);
    ck_assert_uint_eq(metric_get(M_REFUSED_THRASH), 1);
    ck_assert_int_eq(client_touch(f, "a-600"), LOOKUP_HIT);
    ck_assert_int_eq(client_touch(f, "c-300"), LOOKUP_MISS);   /* fits into free bytes */
    ck_assert_int_eq(client_pin(&k, f, "d-600"), PIN_WAITING); /* whose bytes nobody knew */
    ck_assert_int_eq(k.status, E_THRASH);
    ck_assert_int_eq(fake_info(f, "a-600").state, SLOT_RESIDENT);
    ck_assert_int_eq(client_pin(&k, f, "d-600"), PIN_FAILED); /* now they are */
    ck_assert_uint_eq(metric_get(M_REFUSED_THRASH), 3);
    ck_assert_int_eq(client_load(&k, f, "b-600"), PIN_WAITING); /* what an operator wants */
    ck_assert_int_eq(k.status, OK);
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

START_TEST(refusing_ends_when_loads_have_rested_or_there_is_old_stuff)
{
    struct client k;
    struct fake *f = thrashing(FAKE_INLINE, 1000001); /* never reached */
    f->cache->config.thrash_ratio = TWO_FIFTHS;
    ck_assert_int_eq(client_pin(&k, f, "b-600"), PIN_FAILED);
    atomic_fetch_add(&f->now_us, 61 * (uint64_t)SECOND_US);
    client_touch(f, "b-600");
    ck_assert_int_eq(fake_info(f, "b-600").state, SLOT_RESIDENT);
    fake_free(f);
}
END_TEST

static void *unload_one(void *fake)
{
    fake_unload_next(fake);
    return NULL;
}

/* Who joins a load that began in calmer times is served with it. */
START_TEST(who_joins_is_not_refused)
{
    struct client first, second;
    pthread_t unloads;
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    client_touch(f, "a-600");
    ck_assert_int_eq(pthread_create(&unloads, NULL, unload_one, f), 0);
    client_touch(f, "b-600"); /* a goes */
    pthread_join(unloads, NULL);
    ck_assert_int_eq(client_pin(&first, f, "a-600"), PIN_WAITING);
    lock_take(&f->cache->lock);
    f->cache->config.thrash_ratio = 1;
    thrash_note(&f->cache->thrash, f->cache->latest_us, LIMIT, 1, true);
    lock_release(&f->cache->lock);
    ck_assert_int_eq(client_pin(&second, f, "a-600"), PIN_WAITING);
    ck_assert_int_eq(pthread_create(&unloads, NULL, unload_one, f), 0);
    fake_load_next(f);
    pthread_join(unloads, NULL);
    ck_assert_int_eq(first.status, OK);
    ck_assert_int_eq(second.status, OK);
    client_unpin(&first, f);
    client_unpin(&second, f);
    ck_assert_int_eq(client_pin(&first, f, "b-600"), PIN_FAILED);
    fake_free(f);
}
END_TEST

Suite *suite_thrash(void)
{
    Suite *s = suite_create("thrash");
    TCase *t = tcase_create("thrash");
    tcase_add_test(t, the_ratio_is_of_the_last_minute);
    tcase_add_test(t, the_speed_is_that_of_all_loads_together);
    tcase_add_test(t, without_a_threshold_nobody_is_refused);
    tcase_add_test(t, cold_work_is_refused_and_hot_work_is_not);
    tcase_add_test(t, refusing_ends_when_loads_have_rested_or_there_is_old_stuff);
    tcase_add_test(t, who_joins_is_not_refused);
    suite_add_tcase(s, t);
    return s;
}
