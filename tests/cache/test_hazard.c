/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Idle times, what follows from them by hand, and whom hazard gives up. */
#include <math.h>

#include "cache/policy/life.h"
#include "cache/policy/policy.h"
#include "support/support.h"

enum { S = 1000000 };

START_TEST(bins_cover_all_idle_times_in_order)
{
    for (int b = 0; b < LIFE_BINS; b++) {
        uint64_t begin = life_bin_begin_us(b), end = life_bin_begin_us(b + 1);
        ck_assert_uint_lt(begin, end);
        ck_assert_int_eq(life_bin(begin), b);
        ck_assert_int_eq(life_bin(end - 1), b);
    }
    ck_assert_int_eq(life_bin(UINT64_MAX), LIFE_BINS - 1);
}
END_TEST

START_TEST(own_idle_times_fade_and_stay_counted)
{
    struct life_own o = {0};
    for (int i = 0; i < 1000; i++) {
        life_own_add(&o, i < 500 ? 1 * S : 100 * S);
        unsigned sum = 0;
        for (int b = 0; b < LIFE_BINS; b++)
            sum += o.ended[b];
        ck_assert_uint_eq(sum, o.total);
        ck_assert_uint_le(sum, LIFE_OWN_MAX);
    }
    ck_assert_uint_eq(o.ended[life_bin(1 * S)], 0);
    ck_assert_uint_ge(o.ended[life_bin(100 * S)], LIFE_OWN_MAX / 2);
}
END_TEST

/* 3 idle times of the pool ended in bin 10, 1 was censored in bin 20. */
START_TEST(a_pools_hazard_counts_who_reached_the_bin)
{
    struct life_pool p = {0};
    uint64_t at = life_bin_begin_us(10), later = life_bin_begin_us(20);
    for (int i = 0; i < 3; i++)
        life_pool_end(&p, at);
    life_pool_censor(&p, later, 1);
    life_pool_refresh(&p);
    /* prior: 2 idle times of hazard 0.05 */
    ck_assert_float_eq_tol(p.hazard[10], (3 + 0.1) / (4 + 2), 1e-6);
    ck_assert_float_eq_tol(p.hazard[5], 0.1 / (4 + 2), 1e-6);
    ck_assert_float_eq_tol(p.hazard[20], 0.1 / (0.5 + 2), 1e-6);
    ck_assert_float_eq_tol(p.hazard[15], 0.1 / (1 + 2), 1e-6);
    ck_assert_float_eq_tol(p.hazard[30], 0.1 / 2, 1e-6);
    life_pool_censor(&p, later, -1);
    life_pool_refresh(&p);
    ck_assert_float_eq_tol(p.hazard[10], (3 + 0.1) / (3 + 2), 1e-6);
}
END_TEST

/* Nothing of its own; the pool's hazard is 1/2 in every bin. Then, seen from the begin of bin b,
 * the chance is 1/2 after its width w, and the expected time w x 3/4; going on makes the ratio
 * worse. */
START_TEST(an_outlook_is_what_the_hand_computes)
{
    struct life_pool p = {0};
    struct life_own o = {0};
    for (int b = 0; b < LIFE_BINS; b++)
        p.hazard[b] = 0.5f;
    uint64_t begin = life_bin_begin_us(40), width = life_bin_begin_us(41) - begin;
    struct life_outlook look = life_look(&o, &p, begin, 0);
    ck_assert_double_eq_tol(look.rate * (double)width, 0.5 / 0.75, 1e-4);
    ck_assert_double_ge(look.worth, 0.95);
    ck_assert_double_eq_tol(life_soon(&o, &p, begin, width), 0.5, 1e-4);
    ck_assert_double_eq_tol(life_soon(&o, &p, begin, width / 2), 0.25, 1e-3);
    /* Half of the bin is over: 1/4 of all end in the rest, of the 3/4 that are left. */
    ck_assert_double_eq_tol(life_soon(&o, &p, begin + width / 2, width / 2), 1.0 / 3, 1e-3);
    /* At a price beyond the best rate nothing is worth its time. */
    ck_assert_double_eq(life_look(&o, &p, begin, 2 * look.rate).worth, 0);
}
END_TEST

/* A policy whose model i was asked for every period[i] seconds, n times, the last time at 0 s ago
 * before `idle[i]` s. All are resident. */
struct habit {
    uint64_t period_s, idle_s;
    int times;
    struct policy_meta meta;
};

static struct policy *habits(const struct habit *h, uint32_t n, uint64_t now_s)
{
    struct policy_config c = {0, n + 1000, 1};
    struct policy *p = NULL;
    uint64_t at = 0;
    uint32_t done[8] = {0};
    ck_assert_int_eq(policy_hazard.create(&c, &p), OK);
    for (at = 0; at <= now_s; at++)
        for (uint32_t i = 0; i < n; i++) {
            uint64_t last = now_s - h[i].idle_s;
            if (at > last || (last - at) % h[i].period_s ||
                (last - at) / h[i].period_s >= (uint64_t)h[i].times)
                continue;
            policy_hazard.access(p, i, at * S, &h[i].meta, done[i] > 0);
            if (done[i]++ == 0)
                policy_hazard.insert(p, i, at * S, &h[i].meta);
        }
    return p;
}

static uint32_t first_victim(struct policy *p, uint64_t now_s)
{
    uint32_t out[1];
    struct policy_need need = {.bytes = 1, .now_us = now_s * S};
    ck_assert_uint_eq(policy_hazard.victims(p, &need, out, 1), 1);
    return out[0];
}

START_TEST(hazard_gives_up_what_earns_least)
{
    static const struct {
        const char *what;
        struct habit h[2];
        uint32_t first;
    } cases[] = {
        {"a timer that stopped before one that is due",
         {{60, 50, 40, {.bytes = 100, .reload_us = 1000}},
          {60, 3000, 40, {.bytes = 100, .reload_us = 1000}}},
         1},
        {"the one that comes rarely",
         {{10, 5, 40, {.bytes = 100, .reload_us = 1000}},
          {200, 5, 20, {.bytes = 100, .reload_us = 1000}}},
         1},
        {"of two alike, the one that loads faster",
         {{60, 10, 20, {.bytes = 100, .reload_us = 1000}},
          {60, 10, 20, {.bytes = 100, .reload_us = 4000}}},
         0},
        {"of two alike, the larger one",
         {{60, 10, 20, {.bytes = 100, .reload_us = 1000}},
          {60, 10, 20, {.bytes = 400, .reload_us = 1000}}},
         1},
        {"unlike lru: one just used that comes every hour before one due in a moment",
         {{60, 55, 40, {.bytes = 100, .reload_us = 1000}},
          {900, 1, 4, {.bytes = 100, .reload_us = 1000}}},
         1},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct policy *p = habits(cases[i].h, 2, 6000);
        ck_assert_msg(first_victim(p, 6000) == cases[i].first, "%s", cases[i].what);
        policy_hazard.free(&p);
    }
}
END_TEST

/* Asks for prefetches often enough that every id was looked at; counts those of id 0. */
static size_t foreseen(struct policy *p, uint64_t now_s)
{
    uint32_t out[4];
    size_t found = 0;
    for (int call = 0; call < 10; call++) {
        const struct policy_ahead a = {.now_us = now_s * S, .horizon_us = 60ull * S};
        size_t n = policy_hazard.prefetch(p, &a, out, 4);
        for (size_t i = 0; i < n; i++)
            ck_assert_uint_eq(out[i], 0);
        found += n;
    }
    return found;
}

START_TEST(a_timer_is_foreseen_when_it_is_due_until_it_is_forgotten)
{
    const struct habit h[2] = {{600, 1, 20, {.bytes = 100, .reload_us = 1000}},
                               {600, 1, 20, {.bytes = 100, .reload_us = 1000}}};
    struct policy *p = habits(h, 2, 12000);
    policy_hazard.remove(p, 0, POLICY_EVICTED); /* 1 stays resident */
    ck_assert_uint_eq(foreseen(p, 11999 + 300), 0);
    ck_assert_uint_ge(foreseen(p, 11999 + 590), 1);
    policy_hazard.remove(p, 0, POLICY_FORGOTTEN);
    policy_hazard.access(p, 0, 11999ull * S, &h[0].meta, false);
    ck_assert_uint_eq(foreseen(p, 11999 + 590), 0);
    policy_hazard.free(&p);
}
END_TEST

START_TEST(a_newcomer_without_a_future_is_not_admitted)
{
    const struct habit h[2] = {{30, 5, 60, {.bytes = 100, .reload_us = 9000}},
                               {20, 5, 60, {.bytes = 100, .reload_us = 9000}}};
    struct policy *p = habits(h, 2, 3000);
    const struct policy_meta once = {.bytes = 100, .reload_us = 10};
    const uint32_t victims[] = {0, 1};
    /* Models asked for once are many, and none comes again. */
    for (uint32_t id = 2; id < 900; id++)
        policy_hazard.access(p, id, 3000ull * S + id, &once, false);
    policy_hazard.access(p, 901, 3001ull * S, &once, false);
    ck_assert(!policy_hazard.admit(p, 901, 3001ull * S, victims, 2));
    ck_assert(policy_hazard.admit(p, 901, 3001ull * S, victims, 0));
    policy_hazard.remove(p, 0, POLICY_EVICTED);
    ck_assert(policy_hazard.admit(p, 0, 3001ull * S, (const uint32_t[]){901}, 1));
    policy_hazard.free(&p);
}
END_TEST

Suite *suite_hazard(void)
{
    return SUITE("hazard", bins_cover_all_idle_times_in_order, own_idle_times_fade_and_stay_counted,
                 a_pools_hazard_counts_who_reached_the_bin, an_outlook_is_what_the_hand_computes,
                 hazard_gives_up_what_earns_least, a_newcomer_without_a_future_is_not_admitted,
                 a_timer_is_foreseen_when_it_is_due_until_it_is_forgotten);
}
