/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What decisions take with 10,000 small models resident: a load that needs the bytes of one, 100,
 * 1,000 and 5,000 of them, without rules and with 1,000 and 5,000 tenants who have one each. Prints
 * nanoseconds as JSON: the longest time in a decision for which the gates were closed or the
 * cache's lock held, [a tenth, median, nine tenths] of the rounds, then the whole of it, until the
 * victims are gone. For bench/scale, which links it with the room, and each of the calls below that
 * begin and end a hold by way of its twin here. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cache/cache.h"

enum { MODELS = 10000, BYTES = 60000, ROUNDS = 15 };

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void expect(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "cache_decide: %s\n", what);
    exit(1);
}

/* ---- how long a hold is ---- */

static uint64_t began_ns, longest_ns;

void __real_gates_close(struct cache *c);
void __real_gates_open(struct cache *c);
void __real_gates_settle(struct cache *c);
void __real_lock_release(struct lock *l);
void __wrap_gates_close(struct cache *c);
void __wrap_gates_open(struct cache *c);
void __wrap_gates_settle(struct cache *c);
void __wrap_lock_release(struct lock *l);

static void hold_begins(void)
{
    began_ns = now_ns();
}

static void hold_ends(void)
{
    const uint64_t ns = began_ns ? now_ns() - began_ns : 0;
    longest_ns = ns > longest_ns ? ns : longest_ns;
    began_ns = 0;
}

void __wrap_gates_close(struct cache *c)
{
    hold_begins();
    __real_gates_close(c);
}

void __wrap_gates_open(struct cache *c)
{
    __real_gates_open(c);
    hold_ends();
}

void __wrap_gates_settle(struct cache *c)
{
    hold_begins();
    __real_gates_settle(c);
}

void __wrap_lock_release(struct lock *l)
{
    const enum lock_rank rank = l->rank;
    __real_lock_release(l);
    if (rank == LOCK_CACHE)
        hold_ends();
}

/* ---- a source that loads and frees at once ---- */

struct world {
    struct cache *cache;
    uint64_t now_us;
    uint64_t whole_ns, longest_ns; /* of the last load's decision */
    uint32_t tenants;
    uint64_t large; /* bytes of the model that is no small one */
};

static void load(void *self, struct slot *slot, const char *name)
{
    static const struct load_times times = {.fetch_us = 1};
    struct world *w = self;
    struct err err;
    const struct load_need need = {.bytes = name[0] == 'L' ? w->large : BYTES};
    longest_ns = 0;
    const uint64_t began = now_ns();
    expect(cache_load_reserve(w->cache, slot, &need, &err) == OK, "no room for a load");
    w->whole_ns = now_ns() - began;
    w->longest_ns = longest_ns;
    cache_load_done(w->cache, slot, w, "1", &times, w->now_us);
}

static void unload(void *self, struct slot *slot, void *value)
{
    struct world *w = self;
    (void)value;
    cache_drained(w->cache, slot);
}

static struct world *loading;

static void loaded(struct waiter *w, enum status s, const struct pin *pin, const struct err *err)
{
    (void)w;
    (void)err;
    expect(s == OK, "a load failed");
    cache_unpin(loading->cache, pin);
}

static void invoke(struct world *world, const char *name)
{
    struct waiter w = {.done = loaded, .counts = true};
    struct pin pin;
    struct err err;
    loading = world;
    enum pin_result r = cache_pin(world->cache, name, ++world->now_us, &w, &pin, &err);
    expect(r != PIN_FAILED, "a pin failed");
    if (r == PIN_READY)
        cache_unpin(world->cache, &pin);
}

static void gone(void *arg)
{
    *(bool *)arg = true;
}

/* ---- the figures ---- */

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void fill(struct world *w)
{
    char name[MODEL_NAME_MAX + 1];
    for (uint32_t k = 0; k < MODELS; k++) {
        snprintf(name, sizeof(name), "tenant-%04u/model-%05u", k % w->tenants, k);
        invoke(w, name);
    }
}

static void print(uint64_t ns[ROUNDS])
{
    qsort(ns, ROUNDS, sizeof(uint64_t), by_value);
    printf("[%llu, %llu, %llu]", (unsigned long long)ns[ROUNDS / 10],
           (unsigned long long)ns[ROUNDS / 2], (unsigned long long)ns[ROUNDS * 9 / 10]);
}

static void measure(struct world *w, uint32_t victims)
{
    static uint64_t whole[ROUNDS], longest[ROUNDS];
    struct err err;
    w->large = (uint64_t)victims * BYTES;
    for (int i = 0; i < ROUNDS; i++) {
        bool back = false;
        fill(w);
        invoke(w, "L");
        whole[i] = w->whole_ns;
        longest[i] = w->longest_ns;
        expect(cache_unload(w->cache, "L", gone, &back, &err) == OK && back, "no unload");
    }
    printf("[");
    print(longest);
    printf(", ");
    print(whole);
    printf("]");
}

int main(void)
{
    static const uint32_t tenants[] = {1, 1000, 5000}, victims[] = {1, 100, 1000, 5000};
    const struct tenant_rule rule = {.name = TENANT_OTHERS, .weight = 1};
    printf("{");
    for (size_t t = 0; t < ARRAY_COUNT(tenants); t++) {
        struct world w = {.tenants = tenants[t]};
        const struct cache_source source = {load, unload, &w};
        const struct cache_config config = {.limit_bytes = (uint64_t)MODELS * BYTES,
                                            .slots_max = 2 * MODELS,
                                            .tenants = {.rules = &rule, .n = tenants[t] > 1}};
        expect(cache_new(&config, &source, &w.cache) == OK, "no cache");
        for (size_t v = 0; v < ARRAY_COUNT(victims); v++) {
            printf("%s\"decide_%u_of_%u\": ", t + v ? ", " : "", victims[v], tenants[t]);
            measure(&w, victims[v]);
        }
        cache_free(&w.cache);
    }
    printf("}\n");
    return 0;
}
