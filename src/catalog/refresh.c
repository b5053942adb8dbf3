/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The threads take turns in one sweep over the cache's records; who finds a model that is due looks
 * at it while the others go on from there. So there are never more looks at once than threads, and
 * a store that answers slowly makes sweeps longer, not more. */
#include "catalog/refresh.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "cache/reload.h"
#include "catalog/catalog_priv.h"
#include "metrics/metrics.h"

enum {
    SWEEPS = 16, /* in the time in which each model is looked at once */
    SWEEP_US_LEAST = 5000,
    SWEEP_US_MOST = 1000000,
    CANCEL_POLL_US = 100000,
};

struct refresh {
    struct refresh_config config;
    struct lock lock; /* LOCK_REFRESH; guards what follows, but for the threads */
    struct cond changed;
    struct due_model at; /* how far the sweep is */
    uint64_t next_us;    /* when the next one begins */
    uint32_t reloads;    /* that were begun and have not ended */
    bool stopping;
    uint32_t started; /* to be joined; touched by start and stop only */
    pthread_t threads[REFRESH_THREADS];
};

/* A reload that a look began. Heap; freed when it ends. */
struct reload {
    struct waiter waiter;
    struct refresh *refresh;
    uint64_t began_us;
    char name[MODEL_NAME_MAX + 1];
};

static void log_end(const char *name, enum status s, const struct err *err, uint64_t began_us)
{
    if (s == OK)
        LOG(LOG_INFO, "model_reloaded", log_str("model", name),
            log_num("ms", (int64_t)((clock_now_us() - began_us) / 1000)));
    else
        LOG(LOG_WARN, "old_version_kept", log_str("model", name), log_str("status", status_name(s)),
            log_str("error", err->msg));
}

static void reload_ended(struct waiter *w, enum status s, const struct pin *pin,
                         const struct err *err)
{
    struct reload *x = CONTAINER_OF(w, struct reload, waiter);
    struct refresh *r = x->refresh;
    log_end(x->name, s, err, x->began_us);
    if (s == OK)
        cache_unpin(r->config.cache, pin);
    alloc_free(x);
    lock_take(&r->lock);
    r->reloads--;
    cond_wake_all(&r->changed);
    lock_release(&r->lock);
}

static void begin_reload(struct refresh *r, const struct due_model *d, uint64_t found)
{
    const struct reload_cause why = {.seen = d->content, .found = found};
    struct reload *x = alloc_zero(1, sizeof(*x));
    if (!x)
        return; /* the next look finds it again */
    x->refresh = r;
    x->began_us = clock_now_us();
    x->waiter.done = reload_ended;
    memcpy(x->name, d->name, sizeof(x->name));
    lock_take(&r->lock);
    r->reloads++;
    lock_release(&r->lock);
    if (cache_reload(r->config.cache, d->name, &why, x->began_us, &x->waiter))
        return; /* x may be gone by now */
    alloc_free(x);
    lock_take(&r->lock);
    r->reloads--;
    lock_release(&r->lock);
}

static void look(struct refresh *r, const struct due_model *d)
{
    struct resolved at;
    struct err err;
    enum status s = catalog_resolve(r->config.store, d->name, &at, &err);
    const uint64_t found = s == OK ? resolved_content(&at) : 0;
    if (s == OK && found != d->content) {
        metric_add(M_REFRESH_CHANGED, 1);
        begin_reload(r, d, found);
        return;
    }
    metric_add(s == OK ? M_REFRESH_SAME : s == E_NOT_FOUND ? M_REFRESH_GONE : M_REFRESH_FAILED, 1);
    if (s != OK && s != E_NOT_FOUND && s != E_CANCELLED)
        LOG(LOG_WARN, "refresh_failed", log_str("model", d->name),
            log_str("status", status_name(s)), log_str("error", err.msg));
}

/* Goes on with the sweep; true: *d is to be looked at. */
static bool next_due(struct refresh *r, struct due_model *d) REQUIRES(r->lock)
{
    const uint64_t now_us = clock_now_us(), sweep_us = r->config.refresh_us / SWEEPS;
    const enum due due = cache_due(r->config.cache, &r->at, r->config.refresh_us, now_us);
    if (due == DUE_THROUGH) {
        r->at.name[0] = 0;
        r->next_us = now_us + MAX(MIN(sweep_us, SWEEP_US_MOST), (uint64_t)SWEEP_US_LEAST);
    }
    *d = r->at;
    return due == DUE_FOUND && !strchr(d->name, CATALOG_VERSION_MARK); /* those never change */
}

static void *refresh_main(void *arg)
{
    struct refresh *r = arg;
    struct due_model d;
    lock_take(&r->lock);
    while (!r->stopping) {
        if (clock_now_us() < r->next_us) {
            cond_wait(&r->changed, &r->lock, r->next_us);
            continue;
        }
        if (!next_due(r, &d))
            continue;
        lock_release(&r->lock);
        look(r, &d);
        lock_take(&r->lock);
    }
    lock_release(&r->lock);
    return NULL;
}

enum status refresh_start(const struct refresh_config *c, struct refresh **out, struct err *err)
{
    struct refresh *r = alloc_zero(1, sizeof(*r));
    if (!r)
        return err_set(err, E_NO_MEMORY, "no memory to look for new versions");
    r->config = *c;
    lock_init(&r->lock, LOCK_REFRESH);
    cond_init(&r->changed);
    *out = r;
    while (r->started < REFRESH_THREADS) {
        char name[16];
        if (pthread_create(&r->threads[r->started], NULL, refresh_main, r) != 0) {
            refresh_stop(out);
            return err_set(err, E_INTERNAL, "a thread that looks for new versions did not start");
        }
        snprintf(name, sizeof(name), "refresh-%u", r->started);
        pthread_setname_np(r->threads[r->started++], name);
    }
    return OK;
}

void refresh_stop(struct refresh **refresh)
{
    struct refresh *r = *refresh;
    if (!r)
        return;
    lock_take(&r->lock);
    r->stopping = true;
    cond_wake_all(&r->changed);
    lock_release(&r->lock);
    for (uint32_t i = 0; i < r->started; i++)
        pthread_join(r->threads[i], NULL);
    lock_take(&r->lock);
    while (r->reloads)
        cond_wait(&r->changed, &r->lock, 0);
    lock_release(&r->lock);
    cond_fini(&r->changed);
    lock_fini(&r->lock);
    alloc_free(r);
    *refresh = NULL;
}

/* ---- what is known to have changed ---- */

/* On the stack of who waits. */
struct now {
    struct waiter waiter;
    struct cache *cache;
    const char *name;
    uint64_t began_us;
    struct lock lock; /* LOCK_REFRESH; guards over */
    struct cond changed;
    bool over;
};

static void now_ended(struct waiter *w, enum status s, const struct pin *pin, const struct err *err)
{
    struct now *n = CONTAINER_OF(w, struct now, waiter);
    log_end(n->name, s, err, n->began_us);
    if (s == OK)
        cache_unpin(n->cache, pin);
    lock_take(&n->lock);
    n->over = true;
    cond_wake_all(&n->changed);
    lock_release(&n->lock);
}

/* False: *cancelled came first. */
static bool await(struct now *n, const atomic_bool *cancelled)
{
    lock_take(&n->lock);
    while (!n->over && !(cancelled && atomic_load(cancelled)))
        cond_wait(&n->changed, &n->lock, cancelled ? clock_now_us() + CANCEL_POLL_US : 0);
    const bool over = n->over;
    lock_release(&n->lock);
    return over;
}

void refresh_now(struct cache *c, const char *name, const atomic_bool *cancelled)
{
    struct now n = {.waiter = {.done = now_ended}, .cache = c, .name = name};
    n.began_us = clock_now_us();
    lock_init(&n.lock, LOCK_REFRESH);
    cond_init(&n.changed);
    const bool begun = cache_reload(c, name, NULL, n.began_us, &n.waiter);
    if (begun && !await(&n, cancelled) && !cache_cancel_wait(c, &n.waiter))
        (void)!await(&n, NULL);
    cond_fini(&n.changed);
    lock_fini(&n.lock);
}
