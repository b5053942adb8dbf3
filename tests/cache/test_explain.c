/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a record tells of a model's past: why and for whom it left the memory, when, and where its
 * cold start spent its time. */
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 300, SLOTS = 3 };

static void ignore(void *arg)
{
    UNUSED(arg);
}

START_TEST(a_model_that_never_left_says_so)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    client_touch(f, "a-100");
    struct slot_info i = fake_info(f, "a-100");
    ck_assert_int_eq(i.evicted_why, EVICT_NONE);
    ck_assert_uint_eq(i.evicted_us, 0);
    ck_assert_str_eq(i.evicted_by, "");
    fake_free(f);
}
END_TEST

START_TEST(a_victim_names_the_model_it_gave_way_to)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    f->now_us = 7000;
    client_touch(f, "a-100");
    f->now_us = 8000;
    client_touch(f, "b-250");
    struct slot_info i = fake_info(f, "a-100");
    ck_assert_int_eq(i.state, SLOT_ABSENT);
    ck_assert_int_eq(i.evicted_why, EVICT_ROOM);
    ck_assert_str_eq(i.evicted_by, "b-250");
    ck_assert_uint_eq(i.evicted_us, 8000);
    /* What comes back keeps the reason of the last time, and its own time. */
    f->now_us = 9000;
    client_touch(f, "a-100");
    i = fake_info(f, "a-100");
    ck_assert_int_eq(i.state, SLOT_RESIDENT);
    ck_assert_uint_eq(i.loaded_us, 9000);
    ck_assert_str_eq(i.evicted_by, "b-250");
    ck_assert_str_eq(fake_info(f, "b-250").evicted_by, "a-100");
    fake_free(f);
}
END_TEST

START_TEST(a_name_that_is_forgotten_is_not_told)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    client_touch(f, "a-100");
    client_touch(f, "b-250"); /* a goes for b */
    client_touch(f, "c-200"); /* b goes for c */
    ck_assert_int_eq(client_touch(f, "a-100"), LOOKUP_MISS);
    client_touch(f, "d-10"); /* a fourth record: b's goes */
    struct slot_info i = fake_info(f, "a-100");
    ck_assert_int_eq(i.evicted_why, EVICT_ROOM);
    ck_assert_str_eq(i.evicted_by, "");
    fake_free(f);
}
END_TEST

START_TEST(arenas_and_orders_are_reasons_without_a_name)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    struct err err;
    client_touch(f, "a-100");
    ck_assert_int_eq(cache_scratch_take(f->cache, 250, &err), OK);
    struct slot_info i = fake_info(f, "a-100");
    ck_assert_int_eq(i.evicted_why, EVICT_SCRATCH);
    ck_assert_str_eq(i.evicted_by, "");
    cache_scratch_give(f->cache, 250);
    client_touch(f, "a-100");
    ck_assert_int_eq(cache_unload(f->cache, "a-100", ignore, NULL, &err), OK);
    i = fake_info(f, "a-100");
    ck_assert_int_eq(i.evicted_why, EVICT_UNLOAD);
    ck_assert_str_eq(i.evicted_by, "");
    ck_assert_uint_eq(i.evictions, 2);
    fake_free(f);
}
END_TEST

START_TEST(the_first_run_after_a_load_belongs_to_it)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    struct client a, b, c;
    metrics_reset();
    client_touch(f, "a-100"); /* ran nothing: it failed before */
    struct load_times t = fake_info(f, "a-100").last_load;
    ck_assert_uint_eq(t.verify_us, 1);
    ck_assert_uint_eq(t.bind_us, 2);
    ck_assert_uint_eq(t.first_run_us, 0);
    ck_assert_int_eq(client_pin(&a, f, "a-100"), PIN_READY);
    ck_assert_int_eq(client_pin(&b, f, "a-100"), PIN_READY);
    cache_unpin_ran(f->cache, &a.pin, 500);
    cache_unpin_ran(f->cache, &b.pin, 40);
    ck_assert_uint_eq(fake_info(f, "a-100").last_load.first_run_us, 500);
    client_touch(f, "b-250");
    client_touch(f, "a-100");
    ck_assert_uint_eq(fake_info(f, "a-100").last_load.first_run_us, 0);
    ck_assert_int_eq(client_pin(&c, f, "a-100"), PIN_READY);
    cache_unpin_ran(f->cache, &c.pin, 60);
    ck_assert_uint_eq(fake_info(f, "a-100").last_load.first_run_us, 60);
    fake_free(f);
}
END_TEST

START_TEST(what_finds_it_below_outlives_its_eviction)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client a;
    ck_assert_int_eq(client_pin(&a, f, "a-100"), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    cache_load_origin(f->cache, call.slot, 77);
    fake_run_load(f, &call);
    client_unpin(&a, f);
    ck_assert_uint_eq(fake_info(f, "a-100").origin, 77);
    struct err err;
    ck_assert_int_eq(cache_unload(f->cache, "a-100", ignore, NULL, &err), OK);
    fake_unload_next(f);
    ck_assert_int_eq(fake_info(f, "a-100").state, SLOT_ABSENT);
    ck_assert_uint_eq(fake_info(f, "a-100").origin, 77);
    fake_free(f);
}
END_TEST

Suite *suite_explain(void)
{
    return SUITE(
        "explain", a_model_that_never_left_says_so, a_victim_names_the_model_it_gave_way_to,
        a_name_that_is_forgotten_is_not_told, arenas_and_orders_are_reasons_without_a_name,
        the_first_run_after_a_load_belongs_to_it, what_finds_it_below_outlives_its_eviction);
}
