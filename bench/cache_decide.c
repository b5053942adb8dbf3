/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How long the cache's lock is held with 10,000 small models resident, without rules and with 1,000
 * and 5,000 tenants: in a load that needs the bytes of one, 100, 1,000 and 5,000 of them, under
 * each policy; in what /metrics asks of tenants; while all expire; and where 4,000 of them, the
 * oldest, are pinned by the operator, in a pin of one more and in loads; and in a load that needs
 * the bytes of one, where 9,900 of them, the oldest, are to stay a while. Prints nanoseconds as
 * JSON: the longest time for which the gates were closed or the lock held, [a tenth, median, nine
 * tenths] of the rounds, then the whole of it. For bench/scale, which links it with the room, and
 * each of the calls below that begin and end a hold by way of its twin here. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cache/cache.h"
#include "cache/policy/policy.h"

enum { MODELS = 10000, BYTES = 60000, ROUNDS = 15, TTL_US = 1000000000, KEPT = 4000 };
enum { OLD = 100, STAYS_US = 900000000 };

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
void __real_lock_take(struct lock *l);
void __wrap_gates_close(struct cache *c);
void __wrap_gates_open(struct cache *c);
void __wrap_gates_settle(struct cache *c);
void __wrap_lock_release(struct lock *l);
void __wrap_lock_take(struct lock *l);

static void hold_begins(void)
{
    began_ns = began_ns ? began_ns : now_ns();
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

void __wrap_lock_take(struct lock *l)
{
    if (l->rank == LOCK_CACHE)
        hold_begins();
    __real_lock_take(l);
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

static void name_of(const struct world *w, uint32_t k, char out[MODEL_NAME_MAX + 1])
{
    snprintf(out, MODEL_NAME_MAX + 1, "tenant-%04u/model-%05u", k % w->tenants, k);
}

/* Those that are kept stay the oldest. */
static void fill(struct world *w)
{
    char name[MODEL_NAME_MAX + 1];
    struct slot_info info;
    for (uint32_t k = 0; k < MODELS; k++) {
        name_of(w, k, name);
        if (!cache_info(w->cache, name, &info) || !info.kept)
            invoke(w, name);
    }
}

static void print(uint64_t ns[ROUNDS])
{
    qsort(ns, ROUNDS, sizeof(uint64_t), by_value);
    printf("[%llu, %llu, %llu]", (unsigned long long)ns[ROUNDS / 10],
           (unsigned long long)ns[ROUNDS / 2], (unsigned long long)ns[ROUNDS * 9 / 10]);
}

/* Rounds of what `go` does to a world that is filled anew before each. */
static void measure(const char *key, struct world *w, void (*go)(struct world *w))
{
    static uint64_t whole[ROUNDS], longest[ROUNDS];
    static bool any;
    for (int i = 0; i < ROUNDS; i++) {
        fill(w);
        go(w);
        whole[i] = w->whole_ns;
        longest[i] = w->longest_ns;
    }
    printf("%s\"%s_of_%u\": [", any ? ", " : "{", key, w->tenants);
    any = true;
    print(longest);
    printf(", ");
    print(whole);
    printf("]");
}

static void decide(struct world *w)
{
    bool back = false;
    struct err err;
    invoke(w, "L"); /* its load measures its reserve */
    expect(cache_unload(w->cache, "L", gone, &back, &err) == OK && back, "no unload");
}

static void measured(struct world *w, void (*call)(struct world *w))
{
    longest_ns = 0;
    const uint64_t began = now_ns();
    call(w);
    w->whole_ns = now_ns() - began;
    w->longest_ns = longest_ns;
}

static void call_expire(struct world *w)
{
    expect(cache_expire(w->cache, w->now_us += 2 * TTL_US) >= MODELS, "not all expired");
}

static void expire(struct world *w)
{
    measured(w, call_expire);
}

static void call_tenants(struct world *w)
{
    static struct tenant_usage all[TENANT_RULES_MAX + 1];
    expect(cache_tenants(w->cache, all, ARRAY_COUNT(all)) >= 1, "no tenants");
}

static void tenants(struct world *w)
{
    measured(w, call_tenants);
}

static void keep(struct world *w, uint32_t k)
{
    char name[MODEL_NAME_MAX + 1];
    struct pin pin;
    struct err err;
    name_of(w, k, name);
    expect(cache_pin_resident(w->cache, name, &pin), "nothing to keep");
    expect(cache_keep(w->cache, &pin, &err) == OK, "not kept");
    cache_unpin(w->cache, &pin);
}

static void call_keep(struct world *w)
{
    keep(w, KEPT);
}

/* One more, where many are. */
static void keep_more(struct world *w)
{
    char name[MODEL_NAME_MAX + 1];
    struct err err;
    measured(w, call_keep);
    name_of(w, KEPT, name);
    expect(cache_unkeep(w->cache, name, &err) == OK, "kept for ever");
}

static void begin(struct world *w, const struct policy_ops *policy, uint32_t n_tenants,
                  uint64_t stays_us)
{
    static struct tenant_rule rules[TENANT_RULES_MAX];
    static struct cache_source source;
    for (uint32_t i = 0; i < TENANT_RULES_MAX; i++) {
        rules[i] = (struct tenant_rule){.name = TENANT_OTHERS, .weight = 1, .ttl_us = TTL_US};
        rules[i].min_residency_us = stays_us;
        if (i)
            snprintf(rules[i].name, sizeof(rules[i].name), "tenant-%04u", i);
    }
    *w = (struct world){.tenants = n_tenants};
    source = (struct cache_source){load, unload, w};
    const struct cache_config config = {
        .limit_bytes = (uint64_t)MODELS * BYTES,
        .policy = policy,
        .slots_max = 2 * MODELS,
        .tenants = {rules, n_tenants > 1 ? TENANT_RULES_MAX : 0, TTL_US, stays_us}};
    expect(cache_new(&config, &source, &w->cache) == OK, "no cache");
}

static void decisions(const struct policy_ops *policy, uint32_t n_tenants)
{
    static const uint32_t victims[] = {1, 100, 1000, 5000};
    char key[64];
    struct world w;
    begin(&w, policy, n_tenants, 0);
    for (size_t v = 0; v < ARRAY_COUNT(victims); v++) {
        w.large = (uint64_t)victims[v] * BYTES;
        snprintf(key, sizeof(key), "%s_%u", policy->name, victims[v]);
        measure(key, &w, decide);
    }
    cache_free(&w.cache);
}

static void other_holds(uint32_t n_tenants)
{
    struct world w;
    begin(&w, NULL, n_tenants, 0);
    measure("tenants", &w, tenants);
    measure("expire", &w, expire);
    fill(&w);
    for (uint32_t k = 0; n_tenants == 1 && k < KEPT; k++)
        keep(&w, k);
    if (n_tenants == 1)
        measure("keep", &w, keep_more);
    w.large = BYTES;
    if (n_tenants == 1)
        measure("kept_1", &w, decide);
    w.large = 1000 * BYTES;
    if (n_tenants == 1)
        measure("kept_1000", &w, decide);
    cache_free(&w.cache);
}

/* All but the OLD that were used last are to stay a while. */
static void young(uint32_t n_tenants)
{
    char name[MODEL_NAME_MAX + 1];
    struct world w;
    begin(&w, NULL, n_tenants, STAYS_US);
    for (uint32_t k = MODELS - OLD; k < MODELS; k++) {
        name_of(&w, k, name);
        invoke(&w, name);
    }
    w.now_us += STAYS_US;
    w.large = BYTES;
    measure("young", &w, decide);
    cache_free(&w.cache);
}

int main(void)
{
    static const uint32_t n_tenants[] = {1, 1000, 5000};
    for (size_t t = 0; t < ARRAY_COUNT(n_tenants); t++) {
        for (const struct policy_ops *const *p = policy_table(); *p; p++)
            decisions(*p, n_tenants[t]);
        other_holds(n_tenants[t]);
        young(n_tenants[t]);
    }
    printf("}\n");
    return 0;
}
