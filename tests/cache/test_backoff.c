/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a failed load leaves behind, on a clock that the test owns. */
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 100, SECOND = 1000000 };

static void nothing(void *arg)
{
    UNUSED(arg);
}

/* Pins name, ends its load with code, and returns the seconds its waiter was told to wait. */
static uint32_t fail_once(struct fake *f, const char *name, enum status code)
{
    struct client k;
    ck_assert_int_eq(client_pin(&k, f, name), PIN_WAITING);
    ck_assert_int_eq(k.waiter.lookup, LOOKUP_MISS);
    struct fake_call call = fake_next_load(f);
    fake_fail_load(f, &call, code);
    ck_assert_int_eq(k.answers, 1);
    ck_assert_int_eq(k.status, code);
    return k.waiter.retry_after_s;
}

START_TEST(a_failure_is_remembered_until_its_time)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    metrics_reset();
    atomic_store(&f->now_us, 10 * SECOND);
    ck_assert_uint_eq(fail_once(f, "a-1", E_CORRUPT), 1);
    struct slot_info i = fake_info(f, "a-1");
    ck_assert_int_eq(i.state, SLOT_FAILED);
    ck_assert_int_eq(i.last_error.code, E_CORRUPT);
    ck_assert_str_eq(i.last_error.msg, "a-1: corrupt");
    ck_assert_uint_eq(i.retry_at_us, 11 * SECOND);
    atomic_store(&f->now_us, 11 * SECOND - 1);
    ck_assert_int_eq(client_pin(&k, f, "a-1"), PIN_FAILED);
    ck_assert_int_eq(k.err.code, E_CORRUPT);
    ck_assert_str_eq(k.err.msg, "a-1: corrupt");
    ck_assert_uint_eq(k.waiter.retry_after_s, 1);
    ck_assert_int_eq(k.waiter.lookup, LOOKUP_NONE);
    ck_assert_uint_eq(fake_loads_queued(f), 0);
    atomic_store(&f->now_us, 11 * SECOND);
    ck_assert_int_eq(client_pin(&k, f, "a-1"), PIN_WAITING);
    fake_load_next(f);
    i = fake_info(f, "a-1");
    ck_assert_int_eq(i.state, SLOT_RESIDENT);
    ck_assert_int_eq(i.last_error.code, OK);
    ck_assert_uint_eq(i.retry_at_us, 0);
    ck_assert_uint_eq(metric_get(M_LOOKUP_MISS), 2);
    ck_assert_uint_eq(metric_get(M_LOADS_FAILED), 1);
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

START_TEST(failures_in_a_row_double_the_time_up_to_the_maximum)
{
    static const uint64_t seconds[] = {1, 2, 4, 8, 8, 8};
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    uint64_t now = 5 * SECOND;
    for (size_t i = 0; i < ARRAY_COUNT(seconds); i++) {
        atomic_store(&f->now_us, now);
        ck_assert_uint_eq(fail_once(f, "a-1", E_STORE), seconds[i]);
        ck_assert_uint_eq(fake_info(f, "a-1").retry_at_us, now + seconds[i] * SECOND);
        now += seconds[i] * SECOND;
    }
    atomic_store(&f->now_us, now);
    client_touch(f, "a-1");
    ck_assert_int_eq(cache_unload(f->cache, "a-1", nothing, NULL, NULL), OK);
    fake_unload_next(f);
    ck_assert_uint_eq(fail_once(f, "a-1", E_STORE), 1);
    fake_free(f);
}
END_TEST

START_TEST(a_model_that_can_never_fit_waits_the_shortest_time_each_time)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    metrics_reset();
    for (uint64_t n = 1; n <= 3; n++) {
        ck_assert_int_eq(client_pin(&k, f, "huge-1001"), PIN_WAITING);
        fake_load_next(f);
        ck_assert_int_eq(k.status, E_NEVER_FITS);
        ck_assert_uint_eq(k.waiter.retry_after_s, 0);
        ck_assert_int_eq(client_pin(&k, f, "huge-1001"), PIN_FAILED);
        ck_assert_int_eq(k.err.code, E_NEVER_FITS);
        ck_assert_uint_eq(metric_get(M_REFUSED_NEVER_FITS), 2 * n);
        atomic_fetch_add(&f->now_us, SECOND);
    }
    ck_assert_uint_eq(metric_get(M_LOADS_REFUSED), 3);
    fake_free(f);
}
END_TEST

START_TEST(what_is_not_the_models_fault_is_not_remembered)
{
    static const struct {
        enum status code;
        uint32_t retry_after_s;
        bool record;
        enum metric metric;
    } cases[] = {
        {E_NOT_FOUND, 0, false, M_LOADS_NOT_FOUND}, {E_CANCELLED, 1, false, M_LOADS_CANCELLED},
        {E_DRAINING, 1, false, M_LOADS_CANCELLED},  {E_NO_MEMORY, 1, false, M_LOADS_FAILED},
        {E_NO_ROOM, 1, true, M_LOADS_REFUSED},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
        struct slot_info info;
        metrics_reset();
        ck_assert_uint_eq(fail_once(f, "a-1", cases[i].code), cases[i].retry_after_s);
        ck_assert_uint_eq(metric_get(cases[i].metric), 1);
        ck_assert_int_eq(cache_info(f->cache, "a-1", &info), cases[i].record);
        if (cases[i].record) {
            ck_assert_int_eq(info.state, SLOT_ABSENT);
            ck_assert_int_eq(info.last_error.code, cases[i].code);
        }
        ck_assert_int_eq(client_touch(f, "a-1"), LOOKUP_MISS);
        fake_free(f);
    }
}
END_TEST

START_TEST(a_failed_load_gives_its_reservation_back)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    struct err err;
    ck_assert_int_eq(client_pin(&k, f, "a-700"), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    ck_ok(fake_reserve(f, &call, &err), &err);
    ck_assert_uint_eq(fake_used(f, BUDGET_RESERVED), 700);
    ck_assert_uint_eq(fake_info(f, "a-700").bytes, 700);
    fake_fail_load(f, &call, E_CORRUPT);
    ck_assert_uint_eq(fake_used(f, BUDGET_RESERVED), 0);
    ck_assert_uint_eq(fake_info(f, "a-700").bytes, 0);
    client_touch(f, "b-1000");
    fake_free(f);
}
END_TEST

Suite *suite_backoff(void)
{
    return SUITE("backoff", a_failure_is_remembered_until_its_time,
                 failures_in_a_row_double_the_time_up_to_the_maximum,
                 a_model_that_can_never_fit_waits_the_shortest_time_each_time,
                 what_is_not_the_models_fault_is_not_remembered,
                 a_failed_load_gives_its_reservation_back);
}
