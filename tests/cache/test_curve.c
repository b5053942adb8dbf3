/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The curve against caches of each size that run beside it: it must say what they find, for sizes
 * below and beyond the one that a server would have. */
#include "cache/policy/curve.h"

#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "cache/policy/shadow.h"
#include "support/support.h"

enum { MODELS = 8000, REQUESTS = 200000, SIZES = 6, KIB = 1024 };

/* Where the traffic comes from. */
enum kind { ZIPF, ON_OFF, SCANS, STORM, KINDS };
static const char *const names[KINDS] = {"zipf", "on_off", "scans", "storm"};

struct traffic {
    enum kind kind;
    uint64_t state;
    double sum[MODELS]; /* of 1 / rank^0.9, up to each */
};

/* 0 to 1; a linear congruential generator. */
static double uniform(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 11) * 0x1p-53;
}

static void traffic_init(struct traffic *t, enum kind kind)
{
    double sum = 0;
    *t = (struct traffic){.kind = kind, .state = 7u + (uint64_t)kind};
    for (int i = 0; i < MODELS; i++)
        t->sum[i] = sum += pow(i + 1, -0.9);
}

static uint32_t by_rank(struct traffic *t, uint32_t models)
{
    double x = uniform(&t->state) * t->sum[models - 1];
    uint32_t low = 0, high = models - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (t->sum[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t next(struct traffic *t, uint32_t n)
{
    switch (t->kind) {
    case ON_OFF: /* a quarter of the models at a time */
        return n / 20000 % 4 * (MODELS / 4) + by_rank(t, MODELS / 4);
    case SCANS: /* all of them in a row, now and then */
        return n % 40000 < MODELS ? n % 40000 : by_rank(t, MODELS);
    case STORM: /* half of the invocations are of models that come once */
        return n % 2 ? MODELS + n / 2 : by_rank(t, MODELS);
    default:
        return by_rank(t, MODELS);
    }
}

/* From 16 KiB to 16 MiB, as often in each octave; the same for an id each time. */
static uint64_t bytes_of(uint32_t id)
{
    uint64_t state = id;
    (void)uniform(&state);
    return (uint64_t)(16 * KIB * pow(2, 10 * uniform(&state)));
}

struct row {
    struct shadow caches[SIZES];
    uint64_t memory[SIZES], hits[SIZES];
    double miss_us[SIZES];
};

static const double parts[SIZES] = {0.05, 0.1, 0.25, 0.5, 0.75, 1.1}; /* of all models' bytes */

static void row_init(struct row *r)
{
    uint64_t all = 0;
    for (uint32_t id = 0; id < MODELS; id++)
        all += bytes_of(id);
    for (int i = 0; i < SIZES; i++) {
        r->memory[i] = (uint64_t)(parts[i] * (double)all);
        struct policy_config c = {r->memory[i], MODELS + REQUESTS, 1};
        ck_assert_int_eq(shadow_init(&r->caches[i], &policy_lru, &c), OK);
        r->hits[i] = 0;
        r->miss_us[i] = 0;
    }
}

static void row_access(struct row *r, uint32_t id, uint32_t n, const struct policy_meta *m)
{
    for (int i = 0; i < SIZES; i++) {
        bool hit = shadow_access(&r->caches[i], id, n, m);
        r->hits[i] += hit;
        r->miss_us[i] += hit ? 0 : (double)m->reload_us;
    }
}

/* Largest error of the hit rate over all sizes; asserts both figures against `most`. */
static double compare(const struct row *r, const struct curve *c, enum kind kind, double most)
{
    double worst = 0, all_us = c->all.cost_us / REQUESTS;
    for (int i = 0; i < SIZES; i++) {
        struct curve_point p;
        curve_at(c, r->memory[i], &p);
        double is = (double)r->hits[i] / REQUESTS, error = fabs(p.hit_rate - is);
        double cost_error = fabs(p.miss_cost_us - r->miss_us[i] / REQUESTS) / all_us;
        ck_assert_msg(error <= most, "%s at %g: %f, is %f", names[kind], parts[i], p.hit_rate, is);
        ck_assert_msg(cost_error <= 2 * most, "%s at %g: cost off by %f", names[kind], parts[i],
                      cost_error);
        worst = MAX(worst, error);
    }
    return worst;
}

static void against_caches(uint32_t samples_max, double most)
{
    struct traffic *t = alloc_zero(1, sizeof(*t));
    struct row *r = alloc_zero(1, sizeof(*r));
    struct curve *c = alloc_zero(1, sizeof(*c));
    ck_assert(t && r && c);
    for (enum kind k = 0; k < KINDS; k++) {
        const struct curve_config config = {.samples_max = samples_max, .seed = 3};
        traffic_init(t, k);
        row_init(r);
        ck_assert_int_eq(curve_init(c, &config), OK);
        for (uint32_t n = 0; n < REQUESTS; n++) {
            uint32_t id = next(t, n);
            struct policy_meta m = {.bytes = bytes_of(id), .reload_us = 5000 + bytes_of(id) / 400};
            row_access(r, id, n, &m);
            curve_access(c, id, m.bytes, m.reload_us);
        }
        ck_assert_uint_le(c->count, samples_max);
        printf("curve: %s, %u in the sample: hit rate off by at most %.4f\n", names[k], c->count,
               compare(r, c, k, most));
        curve_fini(c);
        for (int i = 0; i < SIZES; i++)
            shadow_fini(&r->caches[i]);
    }
    alloc_free(t);
    alloc_free(r);
    alloc_free(c);
}

/* What is left is that a cache gives up whole models, and the width of a bin. */
START_TEST(with_all_models_it_is_exact_but_for_whole_models)
{
    against_caches(1 << 16, 0.01);
}
END_TEST

START_TEST(with_a_sample_of_them_it_is_near)
{
    against_caches(2048, 0.05);
}
END_TEST

/* Three models of 10 bytes in turn: each comes back when 30 bytes were asked for. */
START_TEST(a_loop_hits_when_all_of_it_fits)
{
    const struct curve_config config = {.samples_max = 16};
    struct curve c;
    struct curve_point p;
    ck_assert_int_eq(curve_init(&c, &config), OK);
    curve_at(&c, 100, &p);
    ck_assert_double_eq(p.hit_rate, 0);
    for (int i = 0; i < 300; i++)
        curve_access(&c, (uint32_t)i % 3, 10, 7);
    curve_at(&c, 29, &p);
    ck_assert_double_eq(p.hit_rate, 0);
    ck_assert_double_eq(p.miss_cost_us, 7);
    curve_at(&c, 31, &p);
    ck_assert_double_eq_tol(p.hit_rate, 0.99, 1e-9); /* all but the first of each */
    ck_assert_double_eq_tol(p.miss_cost_us, 0.07, 1e-9);
    curve_at(&c, 0, &p);
    ck_assert_double_eq(p.hit_rate, 0);
    curve_at(&c, UINT64_MAX, &p);
    ck_assert_double_eq_tol(p.hit_rate, 0.99, 1e-9);
    curve_fini(&c);
}
END_TEST

START_TEST(another_version_and_a_forgotten_model_are_new)
{
    const struct curve_config config = {.samples_max = 16};
    struct curve c;
    struct curve_point p;
    ck_assert_int_eq(curve_init(&c, &config), OK);
    curve_access(&c, 1, 10, 1);
    curve_access(&c, 1, 11, 1);
    curve_at(&c, UINT64_MAX, &p);
    ck_assert_double_eq(p.hit_rate, 0);
    curve_access(&c, 1, 11, 1);
    curve_at(&c, UINT64_MAX, &p);
    ck_assert_double_eq_tol(p.hit_rate, 1.0 / 3, 1e-9);
    curve_forget(&c, 1);
    curve_forget(&c, 1);
    curve_forget(&c, 2);
    curve_access(&c, 1, 11, 1);
    curve_at(&c, UINT64_MAX, &p);
    ck_assert_double_eq(p.hit_rate, 0.25);
    curve_fini(&c);
}
END_TEST

/* 1 is asked for, then 2 and 3; what 1's new version takes counts for those behind it, too. */
START_TEST(a_renewed_model_keeps_its_place)
{
    const struct curve_config config = {.samples_max = 16};
    struct curve c;
    struct curve_point p;
    ck_assert_int_eq(curve_init(&c, &config), OK);
    for (uint32_t id = 1; id <= 3; id++)
        curve_access(&c, id, 1 << 10, 1);
    curve_renew(&c, 2, 1 << 12);
    curve_renew(&c, 1, 1 << 11);
    curve_renew(&c, 9, 1 << 11);     /* nobody knows it */
    curve_access(&c, 1, 1 << 11, 1); /* 2, 4 and 1 KiB must fit */
    curve_at(&c, 7 << 10, &p);
    ck_assert_double_eq(p.hit_rate, 0);
    curve_at(&c, 8 << 10, &p);
    ck_assert_double_eq_tol(p.hit_rate, 0.25, 1e-9);
    curve_access(&c, 9, 1 << 10, 1);
    curve_at(&c, UINT64_MAX, &p);
    ck_assert_double_eq_tol(p.hit_rate, 0.2, 1e-9);
    curve_fini(&c);
}
END_TEST

START_TEST(what_is_long_ago_counts_less)
{
    const struct curve_config config = {.samples_max = 4096, .half_life = 100};
    struct curve c;
    struct curve_point p;
    ck_assert_int_eq(curve_init(&c, &config), OK);
    for (uint32_t i = 0; i < 1000; i++) /* all misses … */
        curve_access(&c, i, 10, 1);
    for (int i = 0; i < 1000; i++) /* … then all hits */
        curve_access(&c, 0, 10, 1);
    curve_at(&c, 20, &p);
    ck_assert_double_gt(p.hit_rate, 0.99);
    for (uint32_t i = 2000; i < 3000; i++) /* and misses again */
        curve_access(&c, i, 10, 1);
    curve_at(&c, 20, &p);
    ck_assert_double_lt(p.hit_rate, 0.01);
    curve_fini(&c);
}
END_TEST

START_TEST(no_memory_is_said_and_leaves_nothing)
{
    const struct curve_config config = {.samples_max = 16};
    struct curve c;
    for (int n = 1; n <= 4; n++) {
        alloc_fail_at(n);
        ck_assert_int_eq(curve_init(&c, &config), E_NO_MEMORY);
        alloc_fail_at(0);
    }
    ck_assert_int_eq(curve_init(&c, &config), OK);
    curve_fini(&c);
}
END_TEST

Suite *suite_curve(void)
{
    return SUITE("curve", a_loop_hits_when_all_of_it_fits,
                 another_version_and_a_forgotten_model_are_new, a_renewed_model_keeps_its_place,
                 what_is_long_ago_counts_less, no_memory_is_said_and_leaves_nothing,
                 with_all_models_it_is_exact_but_for_whole_models,
                 with_a_sample_of_them_it_is_near);
}
