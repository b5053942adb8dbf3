/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The queue of loads and its threads. What it keeps true: every slot handed in ends in exactly one
 * cache_load_done or cache_load_failed, whatever fails and whenever the drain comes. */
#include "loader/loader.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "loader/loader_priv.h"

/* One load that waits for a thread. Heap. */
struct load {
    struct load *next;
    struct slot *slot;
    uint64_t queued_us;
    char name[MODEL_NAME_MAX + 1];
};

struct loader {
    struct load_env env; /* cache: NULL before loader_start */
    struct reaper reaper;
    struct behind behind;
    atomic_bool draining;
    struct lock lock; /* LOCK_LOADER; guards the next five */
    struct cond work; /* a load was queued, or stopping was set */
    struct cond idle; /* no load is left */
    struct load *first, *last;
    uint32_t running; /* loads under way */
    bool stopping;
    uint32_t threads, started; /* started: to be joined; touched by start and free only */
    pthread_t thread[];
};

enum status loader_new(struct store *store, const struct loader_resolver *r,
                       const struct loader_config *config, struct loader **out)
{
    const uint32_t threads = config->threads;
    ASSERT(threads > 0);
    struct loader *l = alloc_zero(1, sizeof(*l) + threads * sizeof(pthread_t));
    if (!l)
        return E_NO_MEMORY;
    l->env = (struct load_env){
        .store = store, .resolver = *r, .draining = &l->draining, .share_node = config->share_node};
    l->threads = threads;
    lock_init(&l->lock, LOCK_LOADER);
    cond_init(&l->work);
    cond_init(&l->idle);
    reaper_init(&l->reaper);
    behind_init(&l->behind);
    *out = l;
    return OK;
}

void loader_use_disk(struct loader *l, struct disk *d)
{
    l->env.disk = d;
}

void loader_settle_disk(struct loader *l)
{
    behind_settle(&l->behind);
}

static void fail(struct loader *l, struct slot *slot, const struct err *err)
{
    cache_load_failed(l->env.cache, slot, err, clock_now_us());
}

static void source_load(void *self, struct slot *slot, const char *name)
{
    struct loader *l = self;
    struct load *load = alloc_new(sizeof(*load));
    struct err err;
    if (!load) {
        err_set(&err, E_NO_MEMORY, "no memory to queue the load of %s", name);
        fail(l, slot, &err);
        return;
    }
    *load = (struct load){.slot = slot, .queued_us = clock_now_us()};
    snprintf(load->name, sizeof(load->name), "%s", name);
    lock_take(&l->lock);
    *(l->last ? &l->last->next : &l->first) = load;
    l->last = load;
    cond_wake_one(&l->work);
    lock_release(&l->lock);
}

static void source_unload(void *self, struct slot *slot, void *value)
{
    struct loader *l = self;
    reaper_submit(&l->reaper, slot, value);
}

struct cache_source loader_source(struct loader *l)
{
    return (struct cache_source){source_load, source_unload, l};
}

/* The next load, counted as running; NULL when the loader stops. */
static struct load *next_load(struct loader *l)
{
    lock_take(&l->lock);
    while (!l->first && !l->stopping)
        cond_wait(&l->work, &l->lock, 0);
    struct load *load = l->first;
    if (load) {
        l->first = load->next;
        if (!l->first)
            l->last = NULL;
        l->running++;
    }
    lock_release(&l->lock);
    return load;
}

/* Loads and tells the cache; the load's own memory is free before anybody hears of it. */
static void load_one(struct loader *l, struct load *load)
{
    struct load_result result = {0};
    struct err err;
    struct slot *slot = load->slot;
    uint64_t waited_us = clock_now_us() - load->queued_us;
    struct reap *spare = alloc_zero(1, sizeof(*spare));
    enum status s = spare ? load_run(&l->env, slot, load->name, &result, &err)
                          : err_set(&err, E_NO_MEMORY, "no memory to load %s", load->name);
    alloc_free(load);
    if (s != OK) {
        alloc_free(spare);
        fail(l, slot, &err);
        return;
    }
    result.times.queue_us += waited_us;
    reaper_add_spare(&l->reaper, spare);
    if (result.behind)
        behind_submit(&l->behind, result.behind);
    cache_load_origin(l->env.cache, slot, result.origin);
    cache_load_done(l->env.cache, slot, result.program, result.version, &result.times,
                    clock_now_us());
}

static void *load_all(void *arg)
{
    struct loader *l = arg;
    struct load *load;
    while ((load = next_load(l))) {
        load_one(l, load);
        lock_take(&l->lock);
        l->running--;
        cond_wake_all(&l->idle);
        lock_release(&l->lock);
    }
    return NULL;
}

enum status loader_start(struct loader *l, struct cache *cache, struct err *err)
{
    l->env.cache = cache;
    enum status s = reaper_start(&l->reaper, cache, &l->behind, err);
    if (s == OK)
        s = behind_start(&l->behind, l->env.disk, err);
    while (s == OK && l->started < l->threads) {
        char name[16];
        if (pthread_create(&l->thread[l->started], NULL, load_all, l) != 0)
            return err_set(err, E_INTERNAL, "loader %u of %u could not be started", l->started + 1,
                           l->threads);
        snprintf(name, sizeof(name), "loader-%u", l->started);
        pthread_setname_np(l->thread[l->started++], name);
    }
    return s;
}

void loader_drain(struct loader *l)
{
    atomic_store(&l->draining, true);
    lock_take(&l->lock);
    while (l->started && (l->first || l->running))
        cond_wait(&l->idle, &l->lock, 0);
    lock_release(&l->lock);
}

void loader_free(struct loader **loader)
{
    struct loader *l = *loader;
    if (!l)
        return;
    lock_take(&l->lock);
    l->stopping = true;
    cond_wake_all(&l->work);
    lock_release(&l->lock);
    for (uint32_t i = 0; i < l->started; i++)
        pthread_join(l->thread[i], NULL);
    ASSERT(!l->first);
    reaper_fini(&l->reaper);
    behind_fini(&l->behind);
    cond_fini(&l->idle);
    cond_fini(&l->work);
    lock_fini(&l->lock);
    alloc_free(l);
    *loader = NULL;
}
