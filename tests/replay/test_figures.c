/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a replay says of traces small enough to follow by hand, and of every failed allocation. */
#include "replay/replay.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "support/support.h"

#define HEAD TRACE_HEADER "\n"

static enum status replay(const char *text, const struct replay_options *o,
                          struct replay_result *out, struct err *err)
{
    FILE *f = tmpfile();
    struct trace *t;
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    rewind(f);
    enum status s = trace_open_stream(f, "t", &t, err);
    if (s != OK)
        return s;
    s = replay_run(t, o, out, err);
    trace_free(&t);
    return s;
}

static struct replay_result figures(const char *text, const struct policy_ops *policy,
                                    uint64_t memory, enum replay_scheduler scheduler)
{
    struct replay_options o = {policy, memory, 1000000, scheduler, 1};
    struct replay_result r;
    struct err err;
    ck_ok(replay(text, &o, &r, &err), &err);
    return r;
}

/* Two of three fit. a b a c a b: hits the 3rd and the 5th. */
static const char small[] = HEAD "0,a,x,10,1000,0\n1000000,b,y,10,2000,0\n2000000,a,x,10,1000,0\n"
                                 "3000000,c,y,10,4000,0\n4000000,a,x,10,1000,0\n"
                                 "5000000,b,y,10,2000,0\n";

START_TEST(misses_fill_at_once_and_first_touches_count)
{
    struct replay_result r = figures(small, &policy_lru, 20, REPLAY_SRPT);
    ck_assert_uint_eq(r.requests, 6);
    ck_assert_uint_eq(r.models, 3);
    ck_assert_uint_eq(r.tenants, 2);
    ck_assert_double_eq_tol(r.hit_rate, 2.0 / 6, 1e-12);
    ck_assert_double_eq_tol(r.byte_hit_rate, 2.0 / 6, 1e-12);
    ck_assert_double_eq_tol(r.miss_cost_ms, 1 + 2 + 4 + 2, 1e-9);
    ck_assert_uint_eq(r.evictions, 2);
    /* x hits 2 of 3, y none: (2/3)^2 / (2 x (2/3)^2) */
    ck_assert_double_eq_tol(r.jain, 0.5, 1e-12);
    /* 10 bytes at 1 MB/s: 10 us each of the four */
    ck_assert_double_eq_tol(r.wait_mean_ms, 0.04 / 6, 1e-9);
    ck_assert_double_eq_tol(r.wait_p50_ms, 0.010, 1e-4);
    ck_assert_double_eq_tol(r.wait_p99_ms, 0.010, 1e-4);
}
END_TEST

/* Idle intervals: a 2 x 10 for 1 ms, twice; b 4 x 10 for 2 ms: all earn alike. Of 20 x 6 = 120
 * byte-invocations the three take 80. */
START_TEST(the_bound_takes_what_earns_most_until_memory_is_used)
{
    struct replay_result r = figures(small, NULL, 20, REPLAY_SRPT);
    ck_assert_double_eq_tol(r.miss_cost_ms, 7, 1e-9);
    r = figures(small, NULL, 10, REPLAY_SRPT); /* 60 of 80: 3/4 of what 4 ms would save */
    ck_assert_double_eq_tol(r.miss_cost_ms, 11 - 3, 1e-9);
    r = figures(small, NULL, 9, REPLAY_SRPT);
    ck_assert_double_eq_tol(r.miss_cost_ms, 11, 1e-9);
}
END_TEST

/* 1 MB/s. a (8 MiB) comes first, b (1 MB) while its first chunk is on the way, and a again. */
START_TEST(short_loads_break_into_long_ones_at_a_chunk)
{
    static const char text[] = HEAD "0,a,x,8388608,1,0\n1000000,b,x,1000000,1,0\n"
                                    "1000000,a,x,8388608,1,0\n";
    struct replay_result r = figures(text, &policy_lru, 1 << 30, REPLAY_SRPT);
    /* b: from 4.194304 s to 5.194304 s; a ends at 9.388608 s. */
    double sum = 9388.608 + 4194.304 + 8388.608;
    ck_assert_double_eq_tol(r.wait_mean_ms, sum / 3, 1e-3);
    ck_assert_double_eq_tol(r.wait_p99_ms, 9388.608, 10);
    r = figures(text, &policy_lru, 1 << 30, REPLAY_SHARED4);
    /* Equal shares from 1 s on: b ends at 3 s, having had half of the link. */
    sum = 9388.608 + 2000 + 8388.608;
    ck_assert_double_eq_tol(r.wait_mean_ms, sum / 3, 1e-3);
}
END_TEST

/* Five loads of 1 MB come together: four share, the fifth begins when they all end at 4 s. */
START_TEST(the_fifth_download_waits_for_a_place)
{
    struct buf b = {0};
    ck_assert_int_eq(buf_str(&b, HEAD), OK);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(buf_printf(&b, "0,m%d,x,1000000,1,0\n", i), OK);
    ck_assert_int_eq(buf_terminate(&b), OK);
    struct replay_result r = figures((const char *)b.data, &policy_lru, 1 << 30, REPLAY_SHARED4);
    ck_assert_double_eq_tol(r.wait_mean_ms, (4 * 4000 + 5000) / 5.0, 1e-3);
    r = figures((const char *)b.data, &policy_lru, 1 << 30, REPLAY_SRPT);
    ck_assert_double_eq_tol(r.wait_mean_ms, (1 + 2 + 3 + 4 + 5) * 1000 / 5.0, 1e-3);
    /* Room for one at a time: the loads take turns under either. */
    r = figures((const char *)b.data, &policy_lru, 1000000, REPLAY_SHARED4);
    ck_assert_double_eq_tol(r.wait_mean_ms, (1 + 2 + 3 + 4 + 5) * 1000 / 5.0, 1e-3);
    buf_fini(&b);
}
END_TEST

START_TEST(what_never_fits_is_loaded_past_the_cache)
{
    static const char text[] = HEAD "0,a,x,10,1000,0\n100,b,x,50,1000,0\n1000,a,x,10,1000,0\n"
                                    "2000,b,x,50,1000,0\n";
    for (const struct policy_ops *const *p = policy_table(); *p; p++) {
        struct replay_result r = figures(text, *p, 20, REPLAY_SRPT);
        ck_assert_double_eq_tol(r.miss_cost_ms, 3, 1e-9);
        ck_assert_uint_eq(r.evictions, 0);
        ck_assert_double_eq_tol(r.wait_mean_ms, (0.010 + 0.050 + 0.050) / 4, 1e-6);
    }
}
END_TEST

/* Random traces with every policy: nothing beats the bound. */
START_TEST(no_policy_beats_the_bound)
{
    uint64_t x = 88172645463325252u;
    for (int round = 0; round < 30; round++) {
        struct buf b = {0};
        uint64_t t = 0, total = 0, models = 5 + (uint64_t)round * 3;
        ck_assert_int_eq(buf_str(&b, HEAD), OK);
        for (int i = 0; i < 800; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            uint64_t m = (x >> 20) % (1 + (x >> 40) % models), bytes = 1 + m * 7919 % 100;
            t += (x >> 50) % 3 * 40000;
            total += i < (int)models ? bytes : 0;
            ck_assert_int_eq(buf_printf(&b, "%llu,m%llu,x,%llu,%llu,0\n", (unsigned long long)t,
                                        (unsigned long long)m, (unsigned long long)bytes,
                                        (unsigned long long)(1000 + m * 104729 % 9000)),
                             OK);
        }
        ck_assert_int_eq(buf_terminate(&b), OK);
        const char *text = (const char *)b.data;
        for (uint64_t memory = 50; memory < 2 * total; memory *= 2) {
            double least = figures(text, NULL, memory, REPLAY_SRPT).miss_cost_ms;
            for (const struct policy_ops *const *p = policy_table(); *p; p++)
                ck_assert_double_ge(figures(text, *p, memory, REPLAY_SRPT).miss_cost_ms,
                                    least - 1e-6);
        }
        buf_fini(&b);
    }
}
END_TEST

START_TEST(tenants_that_never_invoke_count_for_nothing)
{
    static const char head[TRACE_RECORD] = TRACE_MAGIC;
    struct replay_options o = {&policy_lru, 20, 1000000, REPLAY_SRPT, 1};
    struct replay_result r;
    struct trace *t;
    struct err err;
    FILE *f = tmpfile();
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(head, 1, sizeof(head), f), sizeof(head));
    for (uint16_t i = 0; i < 1000; i++) {
        struct trace_record named = {.flags = TRACE_TENANT, .tenant = i};
        ck_assert_uint_eq(fwrite(&named, 1, sizeof(named), f), sizeof(named));
    }
    rewind(f);
    ck_ok(trace_open_stream(f, "t", &t, &err), &err);
    ck_ok(replay_run(t, &o, &r, &err), &err);
    trace_free(&t);
    ck_assert_uint_eq(r.tenants, 1000);
    ck_assert_double_eq(r.jain, 1);
}
END_TEST

START_TEST(every_failed_allocation_ends_the_replay_well)
{
    const struct policy_ops *policies[] = {NULL, &policy_auto, &policy_lru};
    int64_t live = alloc_live();
    for (size_t p = 0; p < ARRAY_COUNT(policies); p++)
        for (uint64_t n = 1;; n++) {
            struct replay_options o = {policies[p], 20, 1000000, REPLAY_SRPT, 1};
            struct replay_result r;
            struct err err = {0};
            alloc_fail_at(n);
            enum status s = replay(small, &o, &r, &err);
            bool through = alloc_calls() < n;
            alloc_fail_at(0);
            ck_assert_int_eq(alloc_live(), live);
            ck_assert(through ? s == OK : s == E_NO_MEMORY && strstr(err.msg, "memory"));
            if (through)
                break;
        }
}
END_TEST

Suite *suite_figures(void)
{
    return SUITE("figures", misses_fill_at_once_and_first_touches_count,
                 the_bound_takes_what_earns_most_until_memory_is_used,
                 short_loads_break_into_long_ones_at_a_chunk, the_fifth_download_waits_for_a_place,
                 what_never_fits_is_loaded_past_the_cache, no_policy_beats_the_bound,
                 tenants_that_never_invoke_count_for_nothing,
                 every_failed_allocation_ends_the_replay_well);
}
