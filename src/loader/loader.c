/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The queue of loads and its threads. What it keeps true: every slot handed in ends in exactly one
 * cache_load_done or cache_load_failed, whatever fails and whenever the drain comes.
 *
 * The queue is ordered as a link's transfers are (link_sched.h). How large the load of a model is
 * that was never loaded nobody knows before its page 0 is read: it counts as the average of those
 * that went well. */
#include "loader/loader.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "loader/loader_priv.h"
#include "mem/region.h"

enum {
    LOOKS_MAX = 64,           /* loads of the queue that are looked at for each one taken from it */
    EXPECTED_BYTES = 1 << 20, /* of a load, before any went well */
    QUEUE_LEAST = 64,         /* loads that there is room for at first */
};

enum { CHANGES_MAX = 3 };

/* One load that waits for a thread, or for its compile. Heap. */
struct load {
    struct link_transfer order;
    struct loader *loader;
    struct compile_job compile; /* names the load too */
    uint64_t queued_us;
    uint32_t changes; /* how often it began anew */
    char name[MODEL_NAME_MAX + 1];
};

struct loader {
    struct load_env env; /* cache: NULL before loader_start */
    struct reaper reaper;
    struct behind behind;
    struct link_io store_link, disk_link;
    struct compiles compiles;
    struct common common;
    struct seen seen;
    atomic_bool draining;
    struct lock lock; /* LOCK_LOADER; guards the next seven */
    struct cond work; /* a load was queued, or stopping was set */
    struct cond idle; /* no load is left */
    struct link_sched queue;
    size_t looked;           /* where in the queue's heap the last look ended */
    uint64_t expected_bytes; /* of a load: a moving average */
    uint32_t running;        /* loads under way, those being compiled among them */
    bool stopping;
    uint32_t threads, started; /* started: to be joined; touched by start and free only */
    pthread_t thread[];
};

enum status loader_new(struct store *store, const struct loader_resolver *r,
                       const struct loader_config *config, struct loader **out)
{
    const uint32_t threads = config->threads, links = config->link_threads;
    const uint64_t chunk =
        config->chunk_bytes ? region_round(config->chunk_bytes) : (uint64_t)LINK_CHUNK_BYTES;
    ASSERT(threads > 0);
    struct loader *l = alloc_zero(1, sizeof(*l) + threads * sizeof(pthread_t));
    if (!l)
        return E_NO_MEMORY;
    l->env = (struct load_env){.store = store,
                               .resolver = *r,
                               .store_link = &l->store_link,
                               .disk_link = &l->disk_link,
                               .draining = &l->draining,
                               .chunk_bytes = chunk,
                               .common = &l->common,
                               .seen = &l->seen,
                               .share_node = config->share_node,
                               .compile = config->compile};
    l->threads = threads;
    l->expected_bytes = EXPECTED_BYTES;
    lock_init(&l->lock, LOCK_LOADER);
    cond_init(&l->work);
    cond_init(&l->idle);
    link_sched_init(&l->queue, UINT64_MAX, LINK_AGEING_BYTES_PER_S);
    reaper_init(&l->reaper);
    behind_init(&l->behind);
    compiles_init(&l->compiles);
    common_init(&l->common);
    enum status s = link_io_init(&l->store_link, links, threads, chunk);
    if (s == OK)
        s = link_io_init(&l->disk_link, links, threads, chunk);
    if (s == OK)
        *out = l;
    else
        loader_free(&l);
    return s;
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

/* What was compiled for a load is worth to be kept. */
static bool may_give_up(const struct load *load)
{
    return !load->compile.out.open;
}

/* False: no memory. The caller wakes a thread once it let the lock go: who wakes finds it free. */
static bool enqueue(struct loader *l, struct load *load) REQUIRES(l->lock)
{
    struct link_sched *q = &l->queue;
    if (q->count == q->cap && link_sched_reserve(q, MAX(2 * q->cap, (size_t)QUEUE_LEAST)) != OK)
        return false;
    uint32_t waiters = cache_load_look(l->env.cache, load->compile.slot, may_give_up(load));
    uint64_t bytes = cache_load_bytes(l->env.cache, load->compile.slot);
    bytes = bytes ? bytes : l->expected_bytes;
    link_sched_add(q, &load->order, bytes, waiters, load->queued_us);
    return true;
}

/* Its object became another one while it was read: it begins anew, with what the name stands for
 * now. Not for ever: an object may be written all the time, or a store may lie. */
static bool begins_anew(struct load *load, enum status s)
{
    if (s != E_CHANGED || load->changes == CHANGES_MAX)
        return false;
    load->changes++;
    load->compile.at = (struct resolved){0};
    cache_load_freed(load->loader->env.cache, load->compile.slot);
    return true;
}

/* The load's model is compiled, or will not be. */
static void compiled(struct compile_job *job, enum status s, const struct err *err)
{
    struct load *load = CONTAINER_OF(job, struct load, compile);
    struct loader *l = load->loader;
    struct err why = s == OK ? (struct err){.code = OK} : *err;
    if (begins_anew(load, s))
        s = OK;
    lock_take(&l->lock);
    if (s == OK && !enqueue(l, load))
        s = err_set(&why, E_NO_MEMORY, "no memory to queue the load of %s", load->name);
    lock_release(&l->lock);
    if (s == OK) {
        cond_wake_one(&l->work);
    } else {
        load_log_failure(job->name, job->at.key, "compile", &why);
        fail(l, job->slot, &why);
        alloc_free(load);
    }
    lock_take(&l->lock);
    l->running--;
    cond_wake_all(&l->idle);
    lock_release(&l->lock);
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
    *load = (struct load){.loader = l, .queued_us = clock_now_us()};
    snprintf(load->name, sizeof(load->name), "%s", name);
    load->compile =
        (struct compile_job){.slot = slot, .name = load->name, .out = {.fd = -1}, .done = compiled};
    lock_take(&l->lock);
    bool queued = enqueue(l, load);
    lock_release(&l->lock);
    if (queued) {
        cond_wake_one(&l->work);
        return;
    }
    alloc_free(load);
    err_set(&err, E_NO_MEMORY, "no memory to queue the load of %s", name);
    fail(l, slot, &err);
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

/* Asks one load of the queue how many wait for it. One that nobody wants any more counts as if all
 * the world waited: so it ends soon, at its first step. */
static void look(struct loader *l, struct link_transfer *t) REQUIRES(l->lock)
{
    const struct load *load = CONTAINER_OF(t, struct load, order);
    uint32_t waiters = cache_load_look(l->env.cache, load->compile.slot, may_give_up(load));
    if (waiters != t->waiters)
        link_sched_waiters(&l->queue, t, waiters);
}

/* Looks at some, in turns: however long the queue is, taking a load from it costs the same. */
static void look_around(struct loader *l) REQUIRES(l->lock)
{
    struct link_sched *q = &l->queue;
    for (size_t i = 0; i < LOOKS_MAX && i < q->count; i++) {
        l->looked = l->looked < q->count ? l->looked + 1 : 1;
        look(l, q->heap[l->looked]);
    }
}

/* The next load, counted as running; NULL when the loader stops. */
static struct load *next_load(struct loader *l)
{
    uint64_t bytes;
    lock_take(&l->lock);
    while (!l->queue.count && !l->stopping)
        cond_wait(&l->work, &l->lock, 0);
    look_around(l);
    struct link_transfer *t = link_sched_next(&l->queue, &bytes);
    l->running += t != NULL;
    lock_release(&l->lock);
    return t ? CONTAINER_OF(t, struct load, order) : NULL;
}

/* A load went well. */
static void note_bytes(struct loader *l, uint64_t bytes)
{
    lock_take(&l->lock);
    l->expected_bytes = MAX(l->expected_bytes - l->expected_bytes / 8 + bytes / 8, (uint64_t)1);
    lock_release(&l->lock);
}

/* All of a load's time that is nothing else is its wait: for a thread, for room, for another's
 * fetch. So the parts are the whole, however often it began anew. */
static void set_wait(struct load_times *t, uint64_t whole_us)
{
    t->queue_us = 0;
    const uint64_t work_us = load_whole_us(t);
    t->queue_us = load_time(whole_us > work_us ? whole_us - work_us : 0);
}

/* Loads and tells the cache; the load's own memory is free before anybody hears of it. False: it
 * goes on with its compile, and is not through. */
static bool load_one(struct loader *l, struct load *load)
{
    struct load_result result = {.since_us = load->queued_us};
    struct err err;
    struct slot *slot = load->compile.slot;
    const uint64_t queued_us = load->queued_us;
    struct reap *spare = alloc_zero(1, sizeof(*spare));
    enum status s;
    do
        s = spare ? load_run(&l->env, &load->compile, &result, &err)
                  : err_set(&err, E_NO_MEMORY, "no memory to load %s", load->name);
    while (begins_anew(load, s));
    if (s == OK && !result.program) {
        alloc_free(spare);
        compiles_submit(&l->compiles, &load->compile);
        return false;
    }
    compiled_fini(&l->env, &load->compile.out);
    alloc_free(load);
    if (s != OK) {
        alloc_free(spare);
        fail(l, slot, &err);
        return true;
    }
    note_bytes(l, program_page0(result.program)->file_bytes);
    reaper_add_spare(&l->reaper, spare);
    if (result.behind)
        behind_submit(&l->behind, result.behind);
    cache_load_origin(l->env.cache, slot, result.origin);
    const uint64_t now_us = clock_now_us();
    set_wait(&result.times, now_us - queued_us);
    cache_load_done(l->env.cache, slot, result.program, result.version, &result.times, now_us);
    return true;
}

static void *load_all(void *arg)
{
    struct loader *l = arg;
    struct load *load;
    while ((load = next_load(l))) {
        if (!load_one(l, load))
            continue;
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
    if (s == OK)
        s = link_io_start(&l->store_link, "store-link", err);
    if (s == OK && l->env.disk)
        s = link_io_start(&l->disk_link, "disk-link", err);
    if (s == OK)
        s = compiles_start(&l->compiles, &l->env, l->env.compile.threads, err);
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
    while (l->started && (l->queue.count || l->running))
        cond_wait(&l->idle, &l->lock, 0);
    lock_release(&l->lock);
    compiles_drain(&l->compiles);
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
    ASSERT(!l->queue.count);
    link_io_fini(&l->store_link);
    link_io_fini(&l->disk_link);
    compiles_fini(&l->compiles);
    reaper_fini(&l->reaper);
    behind_fini(&l->behind);
    link_sched_fini(&l->queue);
    common_fini(&l->common);
    cond_fini(&l->idle);
    cond_fini(&l->work);
    lock_fini(&l->lock);
    alloc_free(l);
    *loader = NULL;
}
