/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What each policy costs in the server's own cache, with 10,000 models resident of 20,000 that are
 * asked for: a hit on one thread and on two, while the watching thread takes what they put, and a
 * request for room that evicts. The policies take turns. Prints nanoseconds as JSON, for each
 * policy [hit on one thread, on two: least of the rounds; room: median, 90th percentile]. For
 * bench/cache, which links it with the room. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache/cache.h"
#include "cache/policy/policy.h"

enum { RESIDENT = 10000, KNOWN = 20000, BYTES = 60000, PINS = 20000, ROUNDS = 15, ROOMS = 20000 };
enum { POLICIES_MAX = 8, THREADS = 2, WARM = 100000 };

struct world {
    struct cache *cache;
    uint64_t now_us, state;
    uint32_t *room_ns; /* ROOMS of them; n_rooms so far */
    size_t n_rooms;
    uint64_t least[THREADS]; /* of a hit, by threads - 1 */
};

static char names[KNOWN][32];
static uint64_t base_us = 1000000;

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

static void expect(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "cache_policies: %s\n", what);
    exit(1);
}

/* ---- a source that loads and frees at once ---- */

static void load(void *self, struct slot *slot, const char *name)
{
    static const struct load_times times = {.queue_us = 10, .fetch_us = 20000};
    struct world *w = self;
    const struct load_need need = {.bytes = BYTES};
    struct err err;
    (void)name;
    uint64_t began = now_ns();
    expect(cache_load_reserve(w->cache, slot, &need, &err) == OK, "no room for a load");
    uint64_t took = now_ns() - began;
    if (w->room_ns && w->n_rooms < ROOMS)
        w->room_ns[w->n_rooms++] = (uint32_t)MIN(took, UINT32_MAX);
    cache_load_done(w->cache, slot, w, "1", &times, w->now_us);
}

static void unload(void *self, struct slot *slot, void *value)
{
    struct world *w = self;
    (void)value;
    cache_drained(w->cache, slot);
}

struct call {
    struct waiter w;
    struct world *world;
};

static void loaded(struct waiter *w, enum status s, const struct pin *pin, const struct err *err)
{
    (void)err;
    expect(s == OK, "a load failed");
    cache_unpin(CONTAINER_OF(w, struct call, w)->world->cache, pin);
}

static void invoke(struct world *w, uint32_t k)
{
    struct call call = {.w = {.done = loaded, .counts = true}, .world = w};
    struct pin pin;
    struct err err;
    w->now_us += 5000;
    enum pin_result r = cache_pin(w->cache, names[k], w->now_us, &call.w, &pin, &err);
    expect(r != PIN_FAILED, "a pin failed");
    if (r == PIN_READY)
        cache_unpin(w->cache, &pin);
}

static void world_init(struct world *w, const struct policy_ops *ops)
{
    const struct cache_config c = {.limit_bytes = (uint64_t)RESIDENT * BYTES,
                                   .policy = ops,
                                   .backoff_min_us = 1000,
                                   .backoff_max_us = 1000,
                                   .slots_max = 2 * KNOWN};
    const struct cache_source source = {load, unload, w};
    struct err err;
    *w = (struct world){.now_us = base_us, .state = 1, .least = {UINT64_MAX, UINT64_MAX}};
    expect(cache_new(&c, &source, &w->cache) == OK, "no memory");
    expect(cache_start(w->cache, NULL, NULL, &err) == OK, "no thread");
    for (int i = 0; i < WARM; i++)
        invoke(w, draw(&w->state, 1 + draw(&w->state, KNOWN)));
}

/* ---- hits ---- */

struct runner {
    struct world *world;
    pthread_t thread;
    pthread_barrier_t *together;
    uint32_t first; /* of the models that are resident, which it pins in turn */
    uint64_t took;
};

/* Pins what is resident; what is not does not count. */
static void *run_hits(void *arg)
{
    struct runner *r = arg;
    struct pin pin;
    uint64_t state = r->first + 1, hits = 0;
    struct waiter w = {.counts = true};
    struct err err;
    pthread_barrier_wait(r->together);
    uint64_t began = now_ns();
    for (uint32_t i = 0; i < PINS; i++) {
        const char *name = names[draw(&state, 64)]; /* asked for most, and so resident */
        if (cache_pin(r->world->cache, name, r->world->now_us, &w, &pin, &err) != PIN_READY)
            continue;
        cache_unpin(r->world->cache, &pin);
        hits++;
    }
    r->took = (now_ns() - began) / PINS;
    expect(hits == PINS, "what is asked for most is not resident");
    return NULL;
}

static void hits(struct world *w, uint32_t threads)
{
    struct runner r[THREADS];
    pthread_barrier_t together;
    uint64_t most = 0;
    for (uint32_t k = 0; k < 64; k++)
        invoke(w, k);
    pthread_barrier_init(&together, NULL, threads);
    for (uint32_t i = 0; i < threads; i++) {
        r[i] = (struct runner){.world = w, .together = &together, .first = i};
        expect(pthread_create(&r[i].thread, NULL, run_hits, &r[i]) == 0, "no thread");
    }
    for (uint32_t i = 0; i < threads; i++) {
        pthread_join(r[i].thread, NULL);
        most = MAX(most, r[i].took);
    }
    pthread_barrier_destroy(&together);
    w->least[threads - 1] = MIN(w->least[threads - 1], most);
}

static void rooms(struct world *w)
{
    size_t until = w->n_rooms + ROOMS / ROUNDS;
    while (w->n_rooms < MIN(until, ROOMS))
        invoke(w, draw(&w->state, 1 + draw(&w->state, KNOWN)));
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void print(struct world *w, const char *name, const char *comma)
{
    qsort(w->room_ns, w->n_rooms, sizeof(*w->room_ns), by_value);
    printf("%s\"%s\": [%llu, %llu, %u, %u]", comma, name, (unsigned long long)w->least[0],
           (unsigned long long)w->least[1], w->room_ns[w->n_rooms / 2],
           w->room_ns[w->n_rooms * 9 / 10]);
    cache_free(&w->cache);
    free(w->room_ns);
}

int main(void)
{
    static struct world worlds[POLICIES_MAX];
    const struct policy_ops *const *table = policy_table();
    for (uint32_t k = 0; k < KNOWN; k++)
        snprintf(names[k], sizeof(names[k]), "tenant-%03u/model-%05u", k % 100, k);
    for (int p = 0; table[p]; p++) {
        world_init(&worlds[p], table[p]);
        worlds[p].room_ns = calloc(ROOMS, sizeof(uint32_t));
        expect(worlds[p].room_ns != NULL, "no memory");
    }
    for (int i = 0; i < ROUNDS; i++)
        for (int p = 0; table[p]; p++) {
            for (uint32_t threads = 1; threads <= THREADS; threads++)
                hits(&worlds[p], threads);
            rooms(&worlds[p]);
        }
    printf("{");
    for (int p = 0; table[p]; p++)
        print(&worlds[p], table[p]->name, p ? ", " : "");
    printf("}\n");
    return 0;
}
