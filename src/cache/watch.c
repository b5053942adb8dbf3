/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One writer at a time (CACHE), one reader at a time (WATCH): put - taken <= WATCH_RING always, and
 * an event is read only after the release of `put` that shows it, overwritten only after the
 * release of `taken` that says it was read. */
#include "cache/watch.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "metrics/metrics.h"

enum {
    IDS_FIRST = 1024,  /* room for ids at first; doubles */
    PAUSE_US = 200000, /* the thread looks so often, and whenever the ring is half full */
    TICK_US = 1000000,
};

enum status watch_init(struct watch *w, uint32_t ids_max)
{
    *w = (struct watch){.ids_max = ids_max};
    w->ring = alloc_zero(WATCH_RING, sizeof(*w->ring));
    if (!w->ring)
        return E_NO_MEMORY;
    lock_init(&w->lock, LOCK_WATCH);
    cond_init(&w->wake);
    atomic_init(&w->ids, MIN((uint32_t)IDS_FIRST, ids_max));
    return OK;
}

void watch_fini(struct watch *w)
{
    if (!w->ring)
        return;
    watch_stop(w);
    watch_catch_up(w);
    alloc_free(w->ring);
    w->ring = NULL;
    cond_fini(&w->wake);
    lock_fini(&w->lock);
}

enum status watch_add(struct watch *w, const struct watch_consumer *k)
{
    ASSERT(w->n_consumers < WATCH_CONSUMERS_MAX);
    enum status s = k->reserve(k->arg, atomic_load(&w->ids));
    if (s == OK)
        w->consumers[w->n_consumers++] = *k;
    return s;
}

bool watch_listens(const struct watch *w)
{
    return w->n_consumers != 0;
}

void watch_reserve(struct watch *w, uint32_t ids)
{
    ids = MIN(ids, w->ids_max);
    if (!watch_listens(w) || ids <= atomic_load(&w->ids))
        return;
    lock_take(&w->lock);
    uint32_t have = atomic_load(&w->ids), more = have;
    while (more < ids)
        more = more > w->ids_max / 2 ? w->ids_max : more * 2;
    enum status s = OK;
    for (uint32_t i = 0; more > have && s == OK && i < w->n_consumers; i++)
        s = w->consumers[i].reserve(w->consumers[i].arg, more);
    if (s == OK)
        atomic_store(&w->ids, more);
    lock_release(&w->lock);
}

/* Gives at most n events to all consumers; true when none is left. */
static bool give(struct watch *w, uint64_t n) REQUIRES(w->lock)
{
    uint64_t taken = atomic_load_explicit(&w->taken, memory_order_relaxed);
    uint64_t put = atomic_load_explicit(&w->put, memory_order_acquire);
    uint64_t end = MIN(put, taken + n);
    for (; taken < end; taken++)
        for (uint32_t i = 0; i < w->n_consumers; i++)
            w->consumers[i].take(w->consumers[i].arg, &w->ring[taken % WATCH_RING]);
    atomic_store_explicit(&w->taken, end, memory_order_release);
    return end == put;
}

static bool is_access(enum watch_kind k)
{
    return k == WATCH_HIT || k == WATCH_MISS || k == WATCH_JOINED;
}

void watch_put(struct watch *w, const struct watch_event *e)
{
    uint64_t put = atomic_load_explicit(&w->put, memory_order_relaxed);
    uint64_t held = put - atomic_load_explicit(&w->taken, memory_order_acquire);
    if (held == WATCH_RING && is_access(e->kind)) {
        metric_add(M_WATCH_LOST, 1);
        return;
    }
    if (held == WATCH_RING) {
        lock_take(&w->lock);
        give(w, WATCH_BATCH);
        lock_release(&w->lock);
    }
    w->ring[put % WATCH_RING] = *e;
    atomic_store_explicit(&w->put, put + 1, memory_order_release);
    if (held == WATCH_RING / 2)
        cond_wake_one(&w->wake);
}

void watch_catch_up(struct watch *w)
{
    uint64_t end = atomic_load(&w->put);
    while (watch_listens(w) && atomic_load(&w->taken) < end) {
        lock_take(&w->lock);
        give(w, WATCH_BATCH);
        lock_release(&w->lock);
    }
}

bool watch_hold(struct watch *w)
{
    lock_take(&w->lock);
    return give(w, WATCH_HURRY);
}

void watch_let_go(struct watch *w)
{
    lock_release(&w->lock);
}

/* Until the ring fills up or a pause is over; false: stopping. */
static bool rest(struct watch *w)
{
    lock_take(&w->lock);
    if (!w->stopping)
        cond_wait(&w->wake, &w->lock, clock_now_us() + PAUSE_US);
    bool go_on = !w->stopping;
    lock_release(&w->lock);
    return go_on;
}

static void *watch_all(void *arg)
{
    struct watch *w = arg;
    uint64_t tick_us = clock_now_us() + TICK_US;
    while (rest(w)) {
        w->calls.gather(w->calls.arg);
        watch_catch_up(w);
        uint64_t now_us = clock_now_us();
        if (now_us < tick_us)
            continue;
        w->calls.tick(w->calls.arg, now_us);
        tick_us = now_us + TICK_US;
    }
    return NULL;
}

enum status watch_start(struct watch *w, const struct watch_calls *calls, struct err *err)
{
    w->calls = *calls;
    if (pthread_create(&w->thread, NULL, watch_all, w) != 0)
        return err_set(err, E_INTERNAL, "the thread that watches the cache could not be started");
    pthread_setname_np(w->thread, "cache-watch");
    w->started = true;
    return OK;
}

void watch_stop(struct watch *w)
{
    if (!w->started)
        return;
    lock_take(&w->lock);
    w->stopping = true;
    cond_wake_all(&w->wake);
    lock_release(&w->lock);
    pthread_join(w->thread, NULL);
    w->started = false;
}
