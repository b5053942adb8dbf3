/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "cli/expiry.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

struct expiry {
    struct cache *cache;
    struct lock lock; /* LOCK_RESIDENCY; guards stopping */
    struct cond changed;
    bool stopping;
    pthread_t thread;
};

static void *expiry_main(void *arg)
{
    struct expiry *e = arg;
    lock_take(&e->lock);
    while (!e->stopping) {
        uint64_t until_us = clock_now_us() + EXPIRY_PERIOD_S * UINT64_C(1000000);
        while (!e->stopping && cond_wait(&e->changed, &e->lock, until_us))
            ;
        if (e->stopping)
            break;
        lock_release(&e->lock);
        uint32_t n = cache_expire(e->cache, clock_now_us());
        if (n)
            LOG(LOG_DEBUG, "models_expired", log_num("models", n));
        lock_take(&e->lock);
    }
    lock_release(&e->lock);
    return NULL;
}

static void expiry_free(struct expiry *e)
{
    cond_fini(&e->changed);
    lock_fini(&e->lock);
    alloc_free(e);
}

enum status expiry_start(struct cache *c, struct expiry **out, struct err *err)
{
    if (!cache_expires(c))
        return OK;
    struct expiry *e = alloc_zero(1, sizeof(*e));
    if (!e)
        return err_set(err, E_NO_MEMORY, "no memory to unload what is not used");
    e->cache = c;
    lock_init(&e->lock, LOCK_RESIDENCY);
    cond_init(&e->changed);
    if (pthread_create(&e->thread, NULL, expiry_main, e) != 0) {
        expiry_free(e);
        return err_set(err, E_INTERNAL, "the thread that unloads what is not used did not start");
    }
    pthread_setname_np(e->thread, "expiry");
    *out = e;
    return OK;
}

void expiry_stop(struct expiry **expiry)
{
    struct expiry *e = *expiry;
    if (!e)
        return;
    lock_take(&e->lock);
    e->stopping = true;
    cond_wake_all(&e->changed);
    lock_release(&e->lock);
    pthread_join(e->thread, NULL);
    expiry_free(e);
    *expiry = NULL;
}
