/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* 50,000 invocations in a row with Zipf popularity over models of different sizes, compared step by
 * step with an LRU that is written here as plainly as can be: an array and a linear search. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { STEPS = 50000, MODELS = 500, LIMIT = 5000, SLOTS = 1000, VICTIMS_MAX = 100 };

/* The independent simulation. */
struct sim {
    uint64_t bytes[MODELS];
    uint64_t used_at[MODELS]; /* 0: not resident */
    uint64_t hits, misses, evictions;
};

/* What one step evicted, in order. */
struct victims {
    int model[VICTIMS_MAX];
    int count;
};

static int sim_oldest(const struct sim *s)
{
    int oldest = -1;
    for (int i = 0; i < MODELS; i++)
        if (s->used_at[i] && (oldest < 0 || s->used_at[i] < s->used_at[oldest]))
            oldest = i;
    return oldest;
}

static uint64_t sim_free(const struct sim *s)
{
    uint64_t sum = 0;
    for (int i = 0; i < MODELS; i++)
        sum += s->used_at[i] ? s->bytes[i] : 0;
    return LIMIT - sum;
}

/* True: a hit. */
static bool sim_step(struct sim *s, int model, uint64_t step, struct victims *v)
{
    bool hit = s->used_at[model] != 0;
    *(hit ? &s->hits : &s->misses) += 1;
    while (!hit && sim_free(s) < s->bytes[model]) {
        int victim = sim_oldest(s);
        s->used_at[victim] = 0;
        s->evictions++;
        v->model[v->count++] = victim;
    }
    s->used_at[model] = step;
    return hit;
}

static void note_victim(struct fake *f, const struct fake_value *value)
{
    struct victims *v = f->arg;
    v->model[v->count++] = atoi(value->name + 1);
}

/* Popularity falls as 1 / rank^0.9; ranks are not in the order of the numbers. */
static void make_popularity(double *up_to)
{
    double sum = 0;
    for (int i = 0; i < MODELS; i++)
        up_to[i] = sum += 1 / pow(1 + (i * 271) % MODELS, 0.9);
}

static int draw(const double *up_to, unsigned *seed)
{
    double x = up_to[MODELS - 1] * rand_r(seed) / ((double)RAND_MAX + 1);
    int i = 0;
    while (up_to[i] <= x)
        i++;
    return i;
}

static void compare_step(struct fake *f, struct sim *s, int model, uint64_t step)
{
    struct victims expected = {.count = 0}, got = {.count = 0};
    char name[32];
    snprintf(name, sizeof(name), "m%d-%llu", model, (unsigned long long)s->bytes[model]);
    f->arg = &got;
    atomic_store(&f->now_us, step);
    bool hit = sim_step(s, model, step, &expected);
    ck_assert_int_eq(client_touch(f, name), hit ? LOOKUP_HIT : LOOKUP_MISS);
    ck_assert_int_eq(got.count, expected.count);
    for (int i = 0; i < got.count; i++)
        ck_assert_int_eq(got.model[i], expected.model[i]);
    ck_assert_uint_eq(fake_used(f, BUDGET_RESIDENT), LIMIT - sim_free(s));
}

START_TEST(fifty_thousand_steps_equal_the_simulation)
{
    static struct sim s;
    static double up_to[MODELS];
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    unsigned seed = 20;
    f->unloaded = note_victim;
    metrics_reset();
    make_popularity(up_to);
    for (int i = 0; i < MODELS; i++)
        s.bytes[i] = 1 + (uint64_t)rand_r(&seed) % (i % 50 ? 200 : 2000);
    for (uint64_t step = 1; step <= STEPS; step++)
        compare_step(f, &s, draw(up_to, &seed), step);
    ck_assert_uint_eq(metric_get(M_LOOKUP_HIT), s.hits);
    ck_assert_uint_eq(metric_get(M_LOOKUP_MISS), s.misses);
    ck_assert_uint_eq(metric_get(M_LOOKUP_JOINED), 0);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), s.evictions);
    ck_assert_uint_eq(metric_get(M_LOADS_OK), s.misses);
    ck_assert_uint_gt(s.hits, STEPS / 10);
    ck_assert_uint_gt(s.evictions, STEPS / 10);
    f->unloaded = NULL;
    fake_free(f);
}
END_TEST

Suite *suite_replay(void)
{
    return SUITE("replay", fifty_thousand_steps_equal_the_simulation);
}
