/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the cache itself takes with 10,000 models resident: a hit (pin and unpin, names by chance)
 * on one thread and on two, and on as many that also work, less what the same loop takes without
 * it; a load that evicts one model, and looking at all of them page by page, both also with 200
 * shares a model. Prints nanoseconds as JSON, [a tenth, median, nine tenths] of what was seen, or
 * null for what the machine was too busy to tell. With it what a cache line takes from one
 * processor to the other: two threads' hits cost some of that each, and on virtual processors it is
 * now 35 ns and now 180, as the host places them. Hits are seen in runs of many short stretches:
 * those count in which the kernel took the processor neither from their thread nor from the other
 * one, and what a run says is their mean, so that of two threads one cannot win what the other
 * loses. For bench/scale, which links it with the room. */
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
    PINS = 400,      /* in a stretch */
    STRETCHES = 100, /* of one thread, one after the other, and more until all have so many */
    KNOWN = 400,     /* of them, that are remembered */
    WARM = 20,       /* of them, at first, that do not count */
    FEWEST = 20,     /* that tell something of a run */
    RUNS = 5,        /* wanted in a round */
    LEAST = 20,      /* runs, that tell a figure */
    SECONDS = 8,     /* most that are spent on one figure of hits */
    SEEN = 10000,
    WORK = 1000,  /* steps between two pins of a thread that has other things to do: some
                     microseconds */
    TURNS = 5000, /* of a line that goes there and back, a multiple of STRETCHES */
    DECISIONS = 200,
    THREADS = 2,
    ROUNDS = 21,
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

/* ---- what is measured ---- */

enum figure {
    BARE,
    WORKING,
    HAND_OVER,
    HIT_1,
    HIT_2,
    WORK_1,
    WORK_2,
    EVICT,
    EVICT_SHARES,
    LIST,
    LIST_SHARES,
    FIGURES
};

static const char *const said[FIGURES] = {"bare",         "work",          "hand_over",     "hit_1",
                                          "hit_2",        "hit_1_at_work", "hit_2_at_work", "evict",
                                          "evict_shares", "list",          "list_shares"};

static struct {
    double ns[SEEN];
    size_t count;
} seen[FIGURES];

static void note(enum figure f, double ns)
{
    if (seen[f].count < SEEN)
        seen[f].ns[seen[f].count++] = ns;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value that this many tenths are below; 0: not enough was seen. */
static double tenths(enum figure f, size_t n)
{
    if (seen[f].count < (f < EVICT && f != HAND_OVER ? LEAST : 1))
        return 0;
    qsort(seen[f].ns, seen[f].count, sizeof(seen[f].ns[0]), by_value);
    return seen[f].ns[(seen[f].count - 1) * n / 10];
}

/* ---- hits ---- */

static char names[MODELS][MODEL_NAME_MAX + 1];

struct stretch {
    uint64_t began, ended;
    bool disturbed; /* its thread had to wait for a processor */
};

struct runner {
    struct world *world;
    pthread_t thread;
    atomic_int *to_come; /* threads that are not there yet */
    atomic_int *at_it;   /* threads that have not done their stretches yet */
    uint64_t seed, sum;
    uint32_t work; /* steps between two pins */
    bool bare;     /* all but the pins */
    int count;     /* of stretches */
    struct stretch stretches[KNOWN];
};

static long pushed_off(void)
{
    struct rusage u;
    getrusage(RUSAGE_THREAD, &u);
    return u.ru_nivcsw;
}

/* The name is near, as that of a request is that was just read. */
static void run_pins(struct runner *r)
{
    struct waiter w = {.counts = true};
    struct pin pin;
    struct err err;
    const char *name, *next = names[draw(&r->seed, MODELS)];
    for (uint32_t i = 0; i < PINS; i++) {
        name = next;
        next = names[draw(&r->seed, MODELS)];
        __builtin_prefetch(next);
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

static void *run_hits(void *arg)
{
    struct runner *r = arg;
    atomic_fetch_sub(r->to_come, 1);
    while (atomic_load(r->to_come))
        sched_yield();
    long before = pushed_off();
    while (atomic_load(r->at_it)) {
        struct stretch s = {.began = now_ns()};
        run_pins(r);
        s.ended = now_ns();
        const long after = pushed_off();
        s.disturbed = after != before;
        before = after;
        if (r->count < KNOWN)
            r->stretches[r->count] = s;
        if (++r->count == STRETCHES)
            atomic_fetch_sub(r->at_it, 1);
    }
    r->count = MIN(r->count, KNOWN);
    return NULL;
}

/* Was other at it, undisturbed, for as long as s was? */
static bool beside(const struct stretch *s, const struct runner *other)
{
    const struct stretch *k = other->stretches, *end = k + other->count;
    while (k < end && k->ended < s->began)
        k++;
    if (k == end || k->began > s->began)
        return false;
    for (; k < end && k->began < s->ended; k++)
        if (k->disturbed)
            return false;
    return k < end;
}

static bool counts(const struct runner *r, int threads, int of, const struct stretch *s)
{
    bool good = !s->disturbed;
    for (int k = 0; k < threads && good; k++)
        good = k == of || beside(s, &r[k]);
    return good;
}

/* True: the run tells something. */
static bool note_run(enum figure f, const struct runner *r, int threads)
{
    uint64_t ns = 0, n = 0;
    for (int t = 0; t < threads; t++)
        for (const struct stretch *s = r[t].stretches + WARM; s < r[t].stretches + r[t].count; s++)
            if (counts(r, threads, t, s)) {
                ns += s->ended - s->began;
                n++;
            }
    if (n >= FEWEST)
        note(f, (double)ns / (double)(n * PINS));
    return n >= FEWEST;
}

/* Of one pin and unpin. */
static void hits(struct world *w, enum figure f, int threads, uint32_t work, bool bare)
{
    static struct runner r[THREADS];
    static uint64_t seed = 1;
    const uint64_t end = now_ns() + SECONDS * UINT64_C(1000000000) / ROUNDS;
    int runs = 0;
    do {
        atomic_int to_come = threads, at_it = threads;
        for (int i = 0; i < threads; i++) {
            r[i].count = 0;
            r[i].world = w;
            r[i].to_come = &to_come;
            r[i].at_it = &at_it;
            r[i].seed = seed++ * 7919;
            r[i].work = work;
            r[i].bare = bare;
            expect(pthread_create(&r[i].thread, NULL, run_hits, &r[i]) == 0, "no thread");
        }
        for (int i = 0; i < threads; i++)
            pthread_join(r[i].thread, NULL);
        runs += note_run(f, r, threads);
    } while (runs < RUNS && now_ns() < end);
}

/* ---- what lies between two processors ---- */

static struct {
    char before[128];
    atomic_int turn; /* whose it is; grows */
    char behind[128];
} line;

static void *answer(void *arg)
{
    (void)arg;
    for (int i = 1; i < 2 * TURNS; i += 2) {
        while (atomic_load_explicit(&line.turn, memory_order_acquire) != i)
            ;
        atomic_store_explicit(&line.turn, i + 1, memory_order_release);
    }
    return NULL;
}

/* One line, there and back again; the fastest of short stretches, which no kernel was in. */
static void hand_overs(void)
{
    pthread_t other;
    double least = 1e9;
    atomic_store(&line.turn, 0);
    expect(pthread_create(&other, NULL, answer, NULL) == 0, "no thread");
    for (int i = 0; i < 2 * TURNS;) {
        const int end = i + 2 * TURNS / STRETCHES;
        const uint64_t began = now_ns();
        for (; i < end; i += 2) {
            atomic_store_explicit(&line.turn, i + 1, memory_order_release);
            while (atomic_load_explicit(&line.turn, memory_order_acquire) != i + 2)
                ;
        }
        const double ns = (double)(now_ns() - began) * STRETCHES / (2 * TURNS);
        least = ns < least ? ns : least;
    }
    pthread_join(other, NULL);
    note(HAND_OVER, least);
}

/* ---- the rest ---- */

/* Of one load that evicts one model, from the pin to the end of both. */
static void decisions(struct world *w, enum figure f, uint32_t models)
{
    static uint32_t next;
    char name[MODEL_NAME_MAX + 1];
    for (uint32_t i = 0; i < DECISIONS; i++) {
        name_of(models + next++ % models, name);
        uint64_t began = now_ns();
        invoke(w, name);
        note(f, (double)(now_ns() - began));
    }
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

static void print(enum figure f, double less)
{
    printf("%s\"%s\": ", f ? ", " : "{", said[f]);
    if (tenths(f, 5) > 0 && less >= 0)
        printf("[%.1f, %.1f, %.1f]", tenths(f, 1) - less, tenths(f, 5) - less, tenths(f, 9) - less);
    else
        printf("null");
}

int main(void)
{
    static struct world plain, sharing;
    for (uint32_t k = 0; k < MODELS; k++)
        name_of(k, names[k]);
    world_init(&plain, MODELS, 0);
    world_init(&sharing, SHARING, SHARES);
    for (int i = 0; i < ROUNDS; i++) {
        reload(&plain, MODELS);
        reload(&sharing, SHARING);
        hits(&plain, BARE, 1, 0, true);
        hits(&plain, WORKING, THREADS, WORK, true);
        hand_overs();
        hits(&plain, HIT_1, 1, 0, false);
        hits(&plain, HIT_2, THREADS, 0, false);
        hits(&plain, WORK_1, 1, WORK, false);
        hits(&plain, WORK_2, THREADS, WORK, false);
        note(LIST, pages(&plain));
        note(LIST_SHARES, pages(&sharing));
        decisions(&plain, EVICT, MODELS);
        decisions(&sharing, EVICT_SHARES, SHARING);
    }
    cache_free(&plain.cache);
    cache_free(&sharing.cache);
    const double bare = tenths(BARE, 5), working = tenths(WORKING, 5);
    for (int k = 0; k < FIGURES; k++)
        print((enum figure)k, k == HIT_1 || k == HIT_2     ? (bare > 0 ? bare : -1)
                              : k == WORK_1 || k == WORK_2 ? (working > 0 ? working : -1)
                                                           : 0);
    printf("}\n");
    return 0;
}
