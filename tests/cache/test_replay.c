/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* 50,000 invocations in a row with Zipf popularity over models of different sizes, compared step by
 * step with an LRU that is written here as plainly as can be: an array and a linear search. By one
 * thread, and by some of which one takes the next step: the order of pins is that of the steps,
 * whoever takes them. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { THREADS = 5, STEPS = 50000, MODELS = 500, LIMIT = 5000, SLOTS = 1000, VICTIMS_MAX = 100 };

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

/* All steps, and who takes the next. */
struct run {
    struct fake *fake;
    struct sim sim;
    double up_to[MODELS];
    struct lock lock; /* LOCK_LOOP; guards turn */
    struct cond changed;
    int turn; /* a thread; -1: the steps are over */
    uint64_t step;
    unsigned seed;
};

struct taker {
    struct run *run;
    int number;
    pthread_t thread;
};

static void run_init(struct run *r)
{
    *r = (struct run){.fake = fake_new(FAKE_INLINE, LIMIT, SLOTS), .seed = 20};
    r->fake->unloaded = note_victim;
    metrics_reset();
    make_popularity(r->up_to);
    for (int i = 0; i < MODELS; i++)
        r->sim.bytes[i] = 1 + (uint64_t)rand_r(&r->seed) % (i % 50 ? 200 : 2000);
    lock_init(&r->lock, LOCK_LOOP);
    cond_init(&r->changed);
}

static void take_step(struct run *r)
{
    r->step++;
    compare_step(r->fake, &r->sim, draw(r->up_to, &r->seed), r->step);
}

static void *take_turns(void *arg)
{
    struct taker *t = arg;
    struct run *r = t->run;
    bool over = false;
    while (!over) {
        lock_take(&r->lock);
        while (r->turn >= 0 && r->turn != t->number)
            cond_wait(&r->changed, &r->lock, 0);
        over = r->turn < 0;
        lock_release(&r->lock);
        if (over)
            break;
        take_step(r);
        lock_take(&r->lock);
        r->turn = r->step < STEPS ? rand_r(&r->seed) % THREADS : -1;
        cond_wake_all(&r->changed);
        lock_release(&r->lock);
    }
    return NULL;
}

static void expect_equal(struct run *r)
{
    struct fake *f = r->fake;
    const struct sim s = r->sim;
    uint64_t states[SLOT_FAILED + 1];
    cache_counts(f->cache, states);
    ck_assert_uint_eq(metric_get(M_LOOKUP_HIT), s.hits);
    ck_assert_uint_eq(metric_get(M_LOOKUP_MISS), s.misses);
    ck_assert_uint_eq(metric_get(M_LOOKUP_JOINED), 0);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), s.evictions);
    ck_assert_uint_eq(metric_get(M_LOADS_OK), s.misses);
    ck_assert_uint_gt(s.hits, STEPS / 10);
    ck_assert_uint_gt(s.evictions, STEPS / 10);
    f->unloaded = NULL;
    fake_free(f);
    cond_fini(&r->changed);
    lock_fini(&r->lock);
}

START_TEST(fifty_thousand_steps_equal_the_simulation)
{
    static struct run r;
    run_init(&r);
    while (r.step < STEPS)
        take_step(&r);
    expect_equal(&r);
}
END_TEST

START_TEST(threads_in_turns_equal_it_too)
{
    static struct run r;
    struct taker t[THREADS];
    run_init(&r);
    for (int i = 0; i < THREADS; i++) {
        t[i] = (struct taker){.run = &r, .number = i};
        ck_assert_int_eq(pthread_create(&t[i].thread, NULL, take_turns, &t[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i].thread, NULL);
    expect_equal(&r);
}
END_TEST

Suite *suite_replay(void)
{
    return SUITE("replay", fifty_thousand_steps_equal_the_simulation,
                 threads_in_turns_equal_it_too);
}
