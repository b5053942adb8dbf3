/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a share costs that many models of several tenants hold, where tenants have rules: 5,000
 * models that hold the same 1, or 100, shares, of one, 100, 1,000 and 5,000 tenants; one more is
 * loaded, and unloaded. Prints microseconds as JSON: [least, median, nine tenths] of the rounds of
 * a load's request for room, which is where it joins its shares, and of its unload. Each is little
 * more than one hold of the cache's lock. For bench/scale, which links it with the room. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cache/cache.h"
#include "mem/budget.h"

enum { MODELS = 5000, BYTES = 60000, SHARES_MAX = 100, SHARE_BYTES = 4000003, ROUNDS = 101 };

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void expect(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "cache_share: %s\n", what);
    exit(1);
}

struct world {
    struct cache *cache;
    uint32_t tenants, shares;
    double reserve_us; /* of the last load */
};

/* ---- a source that loads and frees at once ---- */

static void load(void *self, struct slot *slot, const char *name)
{
    static struct share_want wants[SHARES_MAX];
    static const struct load_times times = {.fetch_us = 1};
    struct world *w = self;
    struct err err;
    (void)name;
    for (uint32_t i = 0; i < w->shares; i++) {
        wants[i] = (struct share_want){.bytes = SHARE_BYTES + i};
        wants[i].key[0] = (uint8_t)(i + 1);
    }
    const struct load_need need = {BYTES, 0, wants, w->shares};
    const double began = now_us();
    expect(cache_load_reserve(w->cache, slot, &need, &err) == OK, "no room for a load");
    w->reserve_us = now_us() - began;
    for (uint32_t i = 0; i < w->shares; i++)
        wants[i].value = wants[i].mine ? w : NULL;
    cache_load_filled(w->cache, slot, wants);
    expect(cache_load_await(w->cache, slot, wants) == SHARES_READY, "a share is lost");
    cache_load_done(w->cache, slot, w, "1", &times, 1);
}

static void unload(void *self, struct slot *slot, void *value)
{
    const struct share *at = NULL;
    struct world *w = self;
    (void)value;
    while (cache_dead(slot, &at))
        ;
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

static void invoke(struct world *world, uint32_t k, char name[MODEL_NAME_MAX + 1])
{
    struct waiter w = {.done = loaded, .counts = true};
    struct pin pin;
    struct err err;
    loading = world;
    snprintf(name, MODEL_NAME_MAX + 1, "tenant-%04u/model-%05u", k % world->tenants, k);
    expect(cache_pin(world->cache, name, 1, &w, &pin, &err) == PIN_WAITING, "no load");
}

static void gone(void *arg)
{
    *(bool *)arg = true;
}

/* ---- the figures ---- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(double us[ROUNDS])
{
    qsort(us, ROUNDS, sizeof(*us), by_value);
    printf("[%.1f, %.1f, %.1f]", us[0], us[ROUNDS / 2], us[ROUNDS * 9 / 10]);
}

/* One model more, of one tenant after the other, and less. */
static void measure(struct world *w)
{
    static double in[ROUNDS], out[ROUNDS];
    char name[MODEL_NAME_MAX + 1];
    struct err err;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        bool back = false;
        invoke(w, MODELS + i, name);
        in[i] = w->reserve_us;
        const double began = now_us();
        expect(cache_unload(w->cache, name, gone, &back, &err) == OK && back, "no unload");
        out[i] = now_us() - began;
    }
    printf("\"%u_of_%u\": [", w->shares, w->tenants);
    print(in);
    printf(", ");
    print(out);
    printf("]");
}

static void run(uint32_t tenants, uint32_t shares)
{
    static const struct tenant_rule rule = {.name = "tenant-0000", .weight = 1};
    char name[MODEL_NAME_MAX + 1];
    struct world w = {.tenants = tenants, .shares = shares};
    const struct cache_source source = {load, unload, &w};
    const struct cache_config config = {
        .limit_bytes = UINT64_C(1) << 33, .slots_max = 2 * MODELS, .tenants = {&rule, 1, 0, 0}};
    expect(cache_new(&config, &source, &w.cache) == OK, "no cache");
    for (uint32_t k = 0; k < MODELS; k++)
        invoke(&w, k, name);
    measure(&w);
    cache_free(&w.cache);
}

int main(void)
{
    static const uint32_t tenants[] = {1, 100, 1000, 5000}, shares[] = {1, SHARES_MAX};
    printf("{");
    for (size_t s = 0; s < 2; s++)
        for (size_t t = 0; t < 4; t++) {
            printf(s + t ? ", " : "");
            fflush(stdout);
            run(tenants[t], shares[s]);
        }
    printf("}\n");
    return 0;
}
