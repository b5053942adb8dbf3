/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the cache itself takes with 10,000 models resident: a hit (pin and unpin, names by chance)
 * on one thread, on two, and on two that also work, less what the same loop takes without it; a
 * load that evicts one model, and looking at all of them page by page, both also with 200 shares a
 * model. Prints nanoseconds as JSON, [least, median, most] of the rounds, which take turns. A round
 * in which the kernel took the processor from a thread, or in which the threads did not run
 * together, says nothing and is taken again. For bench/scale, which links it with the room. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "cache/cache.h"

enum {
    MODELS = 10000,
    SHARING = 1000, /* models with shares */
    SHARES = 200,
    OF_BASES = 50, /* networks that those models are made of */
    BYTES = 60000,
    SHARE_BYTES = 65536,
    PINS = 20000,
    WORK = 1000, /* steps between two pins of a thread that has other things to do: some
                    microseconds */
    DECISIONS = 200,
    THREADS = 2,
    ROUNDS = 21,
    TRIES = 2000,
    PAGE = 100,
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)((*state >> 32) * below >> 32);
}

static void name_of(uint32_t k, char out[MODEL_NAME_MAX + 1])
{
    snprintf(out, MODEL_NAME_MAX + 1, "tenant-%03u/model-%05u", k % 100, k);
}

static void expect(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "cache_hits: %s\n", what);
    exit(1);
}

/* ---- a source that loads and frees at once ---- */

struct world {
    struct cache *cache;
    uint32_t shares; /* a model */
    uint64_t now_us;
    uint32_t loads;
};

static void load(void *self, struct slot *slot, const char *name)
{
    static struct share_want wants[SHARES];
    static const struct load_times times = {.fetch_us = 1};
    struct world *w = self;
    struct err err;
    (void)name;
    const uint32_t base = w->loads++ % OF_BASES;
    for (uint32_t i = 0; i < w->shares; i++) {
        const uint32_t id[2] = {base * SHARES + i, 0x9e3779b9u * (base * SHARES + i)};
        wants[i] = (struct share_want){.bytes = SHARE_BYTES, .value = w};
        memcpy(wants[i].key, &id[1], sizeof(id[1]));
        memcpy(wants[i].key + 8, id, sizeof(id));
    }
    struct load_need need = {.bytes = BYTES, .wants = wants, .n_wants = w->shares};
    expect(cache_load_reserve(w->cache, slot, &need, &err) == OK, "no room for a load");
    if (w->shares) {
        for (uint32_t i = 0; i < w->shares; i++)
            wants[i].value = w;
        cache_load_filled(w->cache, slot, wants);
        expect(cache_load_await(w->cache, slot, wants) == SHARES_READY, "a share is lost");
    }
    cache_load_done(w->cache, slot, w, "1", &times, w->now_us);
}

static void unload(void *self, struct slot *slot, void *value)
{
    struct world *w = self;
    (void)value;
    cache_drained(w->cache, slot);
}

/* An invocation, and whose it is. */
struct call {
    struct waiter w;
    struct world *world;
};

static void loaded(struct waiter *w, enum status s, const struct pin *pin, const struct err *err)
{
    struct call *call = CONTAINER_OF(w, struct call, w);
    (void)err;
    expect(s == OK, "a load failed");
    cache_unpin(call->world->cache, pin);
}

static void invoke(struct world *world, const char *name)
{
    struct call call = {.w = {.done = loaded, .counts = true}, .world = world};
    struct pin pin;
    struct err err;
    enum pin_result r = cache_pin(world->cache, name, ++world->now_us, &call.w, &pin, &err);
    expect(r != PIN_FAILED, "a pin failed");
    if (r == PIN_READY)
        cache_unpin(world->cache, &pin);
}

static void reload(struct world *w, uint32_t models)
{
    char name[MODEL_NAME_MAX + 1];
    for (uint32_t k = 0; k < models; k++) {
        name_of(k, name);
        invoke(w, name);
    }
}

/* Room for `models`, as many of which are resident on return. */
static void world_init(struct world *w, uint32_t models, uint32_t shares)
{
    const uint64_t shared = (uint64_t)OF_BASES * shares * SHARE_BYTES;
    struct cache_config c = {.limit_bytes = (uint64_t)models * BYTES + shared,
                             .backoff_min_us = 1000,
                             .backoff_max_us = 1000,
                             .slots_max = 10 * MODELS};
    struct cache_source source = {load, unload, w};
    *w = (struct world){.shares = shares};
    expect(cache_new(&c, &source, &w->cache) == OK, "no memory");
    reload(w, models);
    uint64_t states[5];
    cache_counts(w->cache, states);
    expect(states[SLOT_RESIDENT] == models, "not all models are resident");
}

/* ---- what is measured: one figure a round ---- */

static char names[MODELS][MODEL_NAME_MAX + 1];

struct runner {
    struct world *world;
    pthread_t thread;
    atomic_int *to_come; /* threads that are not there yet */
    uint64_t seed, began, ended, sum;
    uint32_t work;  /* steps between two pins */
    bool bare;      /* all but the pins */
    bool disturbed; /* it had to wait for a processor */
};

static long pushed_off(void)
{
    struct rusage u;
    getrusage(RUSAGE_THREAD, &u);
    return u.ru_nivcsw;
}

static void run_pins(struct runner *r)
{
    struct waiter w = {.counts = true};
    struct pin pin;
    struct err err;
    for (uint32_t i = 0; i < PINS; i++) {
        const char *name = names[draw(&r->seed, MODELS)];
        if (r->bare) {
            r->sum += (uint64_t)name[20];
        } else {
            expect(cache_pin(r->world->cache, name, i, &w, &pin, &err) == PIN_READY, "no hit");
            cache_unpin(r->world->cache, &pin);
        }
        for (uint32_t k = 0; k < r->work; k++)
            r->sum = r->sum * 3 + k;
    }
}

/* Twice, so that the processor's caches hold of the models what they can. */
static void *run_hits(void *arg)
{
    struct runner *r = arg;
    run_pins(r);
    atomic_fetch_sub(r->to_come, 1);
    while (atomic_load(r->to_come))
        sched_yield();
    const long before = pushed_off();
    r->began = now_ns();
    run_pins(r);
    r->ended = now_ns();
    r->disturbed = pushed_off() != before;
    return NULL;
}

/* Nanoseconds of one pin and unpin, of the slowest thread; 0: disturbed. */
static double try_hits(struct world *w, int threads, uint32_t work, bool bare)
{
    static uint64_t seed = 1;
    struct runner r[THREADS];
    atomic_int to_come = threads;
    uint64_t most = 0, first = UINT64_MAX, last = 0;
    bool good = true;
    for (int i = 0; i < threads; i++) {
        r[i] = (struct runner){
            .world = w, .to_come = &to_come, .seed = seed++ * 7919, .work = work, .bare = bare};
        expect(pthread_create(&r[i].thread, NULL, run_hits, &r[i]) == 0, "no thread");
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(r[i].thread, NULL);
        most = MAX(most, r[i].ended - r[i].began);
        first = MIN(first, r[i].began);
        last = MAX(last, r[i].began);
        good = good && !r[i].disturbed;
    }
    return good && (last - first) * 10 < most ? (double)most / PINS : 0;
}

static double hits(struct world *w, int threads, uint32_t work, bool bare)
{
    double ns = 0;
    for (int i = 0; i < TRIES && !ns; i++)
        ns = try_hits(w, threads, work, bare);
    expect(ns > 0, "the machine is too busy");
    return ns;
}

/* Of one load that evicts one model, from the pin to the end of both. */
static double decisions(struct world *w, uint32_t models)
{
    static uint32_t next;
    char name[MODEL_NAME_MAX + 1];
    uint64_t ns = 0;
    for (uint32_t i = 0; i < DECISIONS; i++) {
        name_of(models + next++ % models, name);
        uint64_t began = now_ns();
        invoke(w, name);
        ns += now_ns() - began;
    }
    return (double)ns / DECISIONS;
}

/* Of one page of 100 records. */
static double pages(struct world *w)
{
    static struct slot_info page[PAGE];
    char after[MODEL_NAME_MAX + 1] = "";
    uint32_t count = 0;
    size_t n;
    uint64_t began = now_ns();
    do {
        n = cache_list(w->cache, after, page, PAGE);
        if (n)
            memcpy(after, page[n - 1].name, sizeof(after));
        count++;
    } while (n == PAGE);
    return (double)(now_ns() - began) / count;
}

/* ---- rounds ---- */

enum figure { HIT_1, HIT_2, WORK_2, WORKING, EVICT, EVICT_SHARES, LIST, LIST_SHARES, FIGURES };

static const char *const said[FIGURES] = {"hit_1", "hit_2",        "hit_2_at_work", "work",
                                          "evict", "evict_shares", "list",          "list_shares"};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    static struct world plain, sharing;
    static double ns[FIGURES][ROUNDS];
    for (uint32_t k = 0; k < MODELS; k++)
        name_of(k, names[k]);
    world_init(&plain, MODELS, 0);
    world_init(&sharing, SHARING, SHARES);
    for (int i = 0; i < ROUNDS; i++) {
        reload(&plain, MODELS);
        reload(&sharing, SHARING);
        const double bare = hits(&plain, 1, 0, true), working = hits(&plain, THREADS, WORK, true);
        ns[HIT_1][i] = hits(&plain, 1, 0, false) - bare;
        ns[HIT_2][i] = hits(&plain, THREADS, 0, false) - bare;
        ns[WORK_2][i] = hits(&plain, THREADS, WORK, false) - working;
        ns[WORKING][i] = working;
        ns[LIST][i] = pages(&plain);
        ns[LIST_SHARES][i] = pages(&sharing);
        ns[EVICT][i] = decisions(&plain, MODELS);
        ns[EVICT_SHARES][i] = decisions(&sharing, SHARING);
    }
    cache_free(&plain.cache);
    cache_free(&sharing.cache);
    for (int k = 0; k < FIGURES; k++) {
        qsort(ns[k], ROUNDS, sizeof(ns[k][0]), by_value);
        printf("%s\"%s\": [%.1f, %.1f, %.1f]", k ? ", " : "{", said[k], ns[k][0], ns[k][ROUNDS / 2],
               ns[k][ROUNDS - 1]);
    }
    printf("}\n");
    return 0;
}
