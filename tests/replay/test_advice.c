/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What follows from a cache's own events: against the bound and the policies over the same
 * invocations, and by hand where a model comes late, goes, or was there before. */
#include "replay/advice.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cache/policy/shadow.h"
#include "replay/advisor.h"
#include "replay/replay_priv.h"
#include "support/support.h"

enum { MODELS = 400, LOAD_US = 1000 };

/* A cache by lru that tells what happens, and what it costs. Heap. */
struct real {
    struct advice advice;
    struct shadow cache;
    uint64_t memory_bytes, now_us;
    uint64_t state;
    double miss_us, late_miss_us; /* of all, and of what comes after `late_from` */
    uint64_t n, late_from;
};

static uint32_t draw(struct real *r, uint32_t below)
{
    r->state = r->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((r->state >> 33) % below);
}

static uint64_t bytes_of(uint32_t id)
{
    return 10 + id % 7 * 10;
}

static uint32_t load_us_of(uint32_t id)
{
    return LOAD_US + id % 13 * 500;
}

static struct real *real_new(uint64_t memory_bytes)
{
    struct real *r = alloc_zero(1, sizeof(*r));
    ck_assert_ptr_nonnull(r);
    r->memory_bytes = memory_bytes;
    r->late_from = UINT64_MAX;
    const struct policy_config c = {memory_bytes, MODELS, 1};
    ck_assert_int_eq(advice_init(&r->advice), OK);
    ck_assert_int_eq(advice_reserve(&r->advice, MODELS), OK);
    ck_assert_int_eq(shadow_init(&r->cache, &policy_lru, &c), OK);
    return r;
}

static void real_free(struct real *r)
{
    advice_fini(&r->advice);
    shadow_fini(&r->cache);
    alloc_free(r);
}

static void say(struct real *r, enum watch_kind kind, uint32_t id, uint64_t bytes, uint32_t us)
{
    const struct watch_event e = {
        .t_us = r->now_us, .bytes = bytes, .id = id, .reload_us = us, .kind = kind};
    advice_take(&r->advice, &e);
}

/* The first load's cost is told when it ends, as a server does. */
static void ask(struct real *r, uint32_t id)
{
    const struct policy_meta m = {.bytes = bytes_of(id), .reload_us = load_us_of(id)};
    bool known = r->advice.models[id].heard;
    r->now_us += 1000;
    bool hit = shadow_access(&r->cache, id, r->now_us, &m);
    say(r, hit ? WATCH_HIT : WATCH_MISS, id, m.bytes, known ? load_us_of(id) : 0);
    if (!hit)
        say(r, WATCH_ENTER, id, m.bytes, load_us_of(id));
    r->miss_us += hit ? 0 : load_us_of(id);
    r->late_miss_us += !hit && r->n >= r->late_from ? load_us_of(id) : 0;
    r->n++;
}

static void ask_many(struct real *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t a = draw(r, MODELS), b = draw(r, MODELS);
        ask(r, MIN(a, b));
    }
}

START_TEST(nothing_was_heard_nothing_is_said)
{
    struct real *r = real_new(1000);
    struct advice_regret g;
    ck_assert_int_eq(advice_regret(&r->advice, 1000, &g), OK);
    ck_assert_uint_eq(g.invocations, 0);
    ck_assert_double_eq(g.ratio, 0);
    real_free(r);
}
END_TEST

/* A model's first load, and two who joined it: counted when the load's cost is known. */
START_TEST(a_first_touch_costs_its_load)
{
    struct real *r = real_new(1000);
    struct advice_regret g;
    struct curve_point p;
    say(r, WATCH_MISS, 5, 100, 0);
    say(r, WATCH_JOINED, 5, 100, 0);
    say(r, WATCH_JOINED, 5, 100, 0);
    ck_assert_uint_eq(r->advice.count, 0);
    say(r, WATCH_ENTER, 5, 100, 7000);
    say(r, WATCH_HIT, 5, 100, 7000);
    ck_assert_int_eq(advice_regret(&r->advice, 1000, &g), OK);
    ck_assert_uint_eq(g.invocations, 4);
    ck_assert_uint_eq(g.hits, 1);
    ck_assert_double_eq(g.miss_cost_us, 7000);
    ck_assert_double_eq(g.bound_cost_us, 7000);
    ck_assert_double_eq(g.ratio, 0);
    curve_at(&r->advice.curve, 1000, &p);
    ck_assert_double_eq_tol(p.hit_rate, 0.75, 1e-9);
    ck_assert_double_eq_tol(p.miss_cost_us, 7000.0 / 4, 1e-6);
    real_free(r);
}
END_TEST

static void saved(void *arg, const struct interval *i, double part)
{
    *(double *)arg -= part * i->load_us;
}

/* From the beginning: the same bound as a replay's. */
START_TEST(the_bound_is_that_of_a_replay)
{
    struct real *r = real_new(4000), *same;
    struct advice_regret g;
    struct bound b = {0};
    double bound_us = 0;
    r->state = 9;
    ask_many(r, 20000);
    ck_assert_int_eq(advice_regret(&r->advice, 4000, &g), OK);
    ck_assert_uint_eq(g.invocations, 20000);
    ck_assert_double_eq(g.miss_cost_us, r->miss_us);
    same = real_new(4000);
    same->state = 9;
    ck_assert_int_eq(bound_reserve(&b, MODELS), OK);
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t x = draw(same, MODELS), y = draw(same, MODELS), id = MIN(x, y);
        const struct trace_record t = {.id = id, .bytes = bytes_of(id), .load_us = load_us_of(id)};
        bound_us += t.load_us;
        ck_assert_int_eq(bound_access(&b, &t, i + 1, 4000), OK);
    }
    bound_take(&b, 4000, 20000, saved, &bound_us);
    bound_fini(&b);
    ck_assert_double_eq_tol(g.bound_cost_us, bound_us, 1);
    ck_assert_double_gt(g.ratio, 0.05);
    ck_assert_double_lt(g.ratio, 1);
    real_free(same);
    real_free(r);
}
END_TEST

/* What was in memory when the window began may have been hit in it. */
START_TEST(the_bound_is_below_what_was_paid_in_any_window)
{
    struct real *r = real_new(4000);
    struct advice_regret g;
    ask_many(r, 2 * ADVICE_WINDOW);
    for (int i = 0; i < 5; i++) {
        ask_many(r, 1000);
        ck_assert_int_eq(advice_regret(&r->advice, 4000, &g), OK);
        ck_assert_uint_eq(g.invocations, ADVICE_WINDOW);
        ck_assert_double_gt(g.bound_cost_us, 0);
        ck_assert_double_lt(g.bound_cost_us, g.miss_cost_us);
    }
    /* All fits: only a first touch is missed, and nobody could have saved that. */
    real_free(r);
    r = real_new(1 << 20);
    ask_many(r, 2 * ADVICE_WINDOW);
    ck_assert_int_eq(advice_regret(&r->advice, 1 << 20, &g), OK);
    ck_assert_uint_ge(g.hits, ADVICE_WINDOW - 2);
    ck_assert_double_eq(g.bound_cost_us, g.miss_cost_us);
    ck_assert_double_eq(g.ratio, 0);
    real_free(r);
}
END_TEST

START_TEST(what_is_older_than_an_hour_is_left_out)
{
    struct real *r = real_new(4000);
    struct advice_regret g;
    ask_many(r, 1000);
    r->now_us += ADVICE_SPAN_US;
    ask_many(r, 10);
    ck_assert_int_eq(advice_regret(&r->advice, 4000, &g), OK);
    ck_assert_uint_eq(g.invocations, 10);
    ck_assert_uint_eq(g.span_us, 9000);
    real_free(r);
}
END_TEST

/* It gave way before this hour, and need not have. */
START_TEST(what_was_known_before_may_have_been_kept)
{
    struct real *r = real_new(1000);
    struct advice_regret g;
    say(r, WATCH_MISS, 5, 100, 0);
    say(r, WATCH_ENTER, 5, 100, 1000);
    r->now_us += 2 * ADVICE_SPAN_US;
    say(r, WATCH_MISS, 5, 100, 1000);
    ck_assert_int_eq(advice_regret(&r->advice, 1000, &g), OK);
    ck_assert_uint_eq(g.invocations, 1);
    ck_assert_double_eq(g.miss_cost_us, 1000);
    ck_assert_double_eq(g.bound_cost_us, 0);
    ck_assert_double_eq(g.ratio, 1);
    real_free(r);
}
END_TEST

START_TEST(a_policy_costs_what_the_cache_paid_that_runs_it)
{
    struct real *r = real_new(4000);
    struct advice_policy lru, gdsf;
    r->late_from = 20000 / 4;
    ask_many(r, 20000);
    ck_assert_int_eq(advice_policy(&r->advice, &policy_lru, 4000, &lru), OK);
    ck_assert_double_eq(lru.miss_cost_us, r->late_miss_us);
    ck_assert_int_eq(advice_policy(&r->advice, &policy_gdsf, 4000, &gdsf), OK);
    ck_assert_double_lt(gdsf.miss_cost_us, lru.miss_cost_us); /* popularity does not change here */
    real_free(r);
}
END_TEST

/* A publish: the new version is loaded beside the old one, and no caller waited for it. */
START_TEST(a_new_version_in_the_old_ones_place_is_no_first_touch)
{
    struct real *r = real_new(1000);
    struct advice_regret g;
    struct advice_policy lru;
    struct curve_point p;
    say(r, WATCH_MISS, 5, 100, 0);
    say(r, WATCH_ENTER, 5, 100, 7000);
    say(r, WATCH_LEAVE, 5, 100, 7000);
    say(r, WATCH_ENTER, 5, 300, 9000);
    say(r, WATCH_HIT, 5, 300, 9000);
    say(r, WATCH_HIT, 5, 300, 9000);
    say(r, WATCH_HIT, 5, 300, 9000);
    curve_at(&r->advice.curve, 1000, &p);
    ck_assert_double_eq_tol(p.hit_rate, 0.75, 1e-9);
    curve_at(&r->advice.curve, 200, &p); /* where the new one has no room */
    ck_assert_double_eq(p.hit_rate, 0);
    ck_assert_int_eq(advice_regret(&r->advice, 1000, &g), OK);
    ck_assert_uint_eq(g.invocations, 4);
    ck_assert_uint_eq(g.hits, 3);
    ck_assert_double_eq(g.bound_cost_us, 7000);
    say(r, WATCH_LEAVE, 5, 300, 9000); /* it goes, and could have stayed: regret */
    say(r, WATCH_ENTER, 5, 200, 9000);
    say(r, WATCH_MISS, 5, 200, 9000);
    ck_assert_int_eq(advice_regret(&r->advice, 1000, &g), OK);
    ck_assert_double_eq(g.miss_cost_us, 16000);
    ck_assert_double_eq(g.bound_cost_us, 7000);
    ck_assert_int_eq(advice_policy(&r->advice, &policy_lru, 1000, &lru), OK);
    ck_assert_double_eq(lru.miss_cost_us, 0); /* but in the first quarter, which is left out */
    ck_assert_int_eq(advice_policy(&r->advice, &policy_lru, 250, &lru), OK);
    ck_assert_double_eq(lru.miss_cost_us, 4 * 9000); /* the one of 300 never fits */
    real_free(r);
}
END_TEST

START_TEST(a_forgotten_model_is_another_one)
{
    struct real *r = real_new(1000);
    struct advice_regret g;
    for (int i = 0; i < 3; i++) {
        say(r, WATCH_MISS, 5, 100, 0);
        say(r, WATCH_ENTER, 5, 100, 1000);
        say(r, WATCH_LEAVE, 5, 100, 1000);
        say(r, WATCH_FORGET, 5, 100, 1000);
    }
    ck_assert_int_eq(advice_regret(&r->advice, 1000, &g), OK);
    ck_assert_uint_eq(g.invocations, 3);
    ck_assert_double_eq(g.bound_cost_us, 3000); /* each was a first touch */
    say(r, WATCH_MISS, MODELS, 100, 1000);      /* beyond what was reserved: passed over */
    ck_assert_uint_eq(r->advice.count, 6);
    real_free(r);
}
END_TEST

enum { NAMES = 100000, MIB = 1 << 20, HELD_MIB = 8, LOOK_MIB = 24 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
START_TEST(with_all_names_known_it_takes_no_more_than_is_said)
{
    printf("SKIP with_all_names_known_it_takes_no_more_than_is_said: a sanitizer's own memory\n");
}
END_TEST
#else
/* Address space from now on: so much more than there is. */
static void allow_mib(uint64_t mib)
{
    struct rlimit limit;
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%lu", &pages), 1);
    fclose(f);
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = pages * (uint64_t)sysconf(_SC_PAGESIZE) + mib * MIB;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

/* As docs/replay.md says; the process of this test ends with it. */
START_TEST(with_all_names_known_it_takes_no_more_than_is_said)
{
    struct advice_regret regret;
    struct advice_policy policy;
    struct advice a;
    allow_mib(HELD_MIB);
    void *events = alloc_zero(2 * (size_t)ADVISOR_EVENTS, sizeof(struct watch_event));
    ck_assert_ptr_nonnull(events);
    ck_assert_int_eq(advice_init(&a), OK);
    ck_assert_int_eq(advice_reserve(&a, NAMES + 1), OK);
    for (uint32_t i = 0; i < 2 * NAMES; i++) {
        const struct watch_event e = {.t_us = i,
                                      .bytes = bytes_of(i),
                                      .id = 1 + i * 7919 % NAMES,
                                      .reload_us = load_us_of(i),
                                      .kind = WATCH_MISS};
        advice_take(&a, &e);
    }
    allow_mib(LOOK_MIB);
    ck_assert_int_eq(advice_regret(&a, 1000, &regret), OK);
    ck_assert_uint_eq(regret.invocations, ADVICE_WINDOW);
    for (const struct policy_ops *const *p = policy_table(); *p; p++)
        if (*p != &policy_auto)
            ck_assert_int_eq(advice_policy(&a, *p, 1000, &policy), OK);
    advice_fini(&a);
    alloc_free(events);
}
END_TEST
#endif

START_TEST(no_memory_is_said_and_leaves_nothing)
{
    struct real *r;
    struct advice a;
    struct advice_regret g;
    struct advice_policy p;
    for (int n = 1; n <= 5; n++) {
        alloc_fail_at((uint64_t)n);
        ck_assert_int_eq(advice_init(&a), E_NO_MEMORY);
        alloc_fail_at(0);
    }
    r = real_new(4000);
    ask_many(r, 10000);
    for (int n = 1; n <= 2; n++) {
        alloc_fail_at((uint64_t)n);
        ck_assert_int_eq(advice_regret(&r->advice, 4000, &g), E_NO_MEMORY);
        alloc_fail_at((uint64_t)n);
        ck_assert_int_eq(advice_policy(&r->advice, &policy_gdsf, 4000, &p), E_NO_MEMORY);
        alloc_fail_at(0);
    }
    real_free(r);
}
END_TEST

Suite *suite_advice(void)
{
    return SUITE("advice", a_new_version_in_the_old_ones_place_is_no_first_touch,
                 nothing_was_heard_nothing_is_said, a_first_touch_costs_its_load,
                 the_bound_is_that_of_a_replay, the_bound_is_below_what_was_paid_in_any_window,
                 what_is_older_than_an_hour_is_left_out, what_was_known_before_may_have_been_kept,
                 a_policy_costs_what_the_cache_paid_that_runs_it, a_forgotten_model_is_another_one,
                 with_all_names_known_it_takes_no_more_than_is_said,
                 no_memory_is_said_and_leaves_nothing);
}
