/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Frees evicted programs away from event threads and workers, then tells the cache, so that bytes
 * are charged until they are the kernel's again. There is always a spare record for an unload:
 * each load leaves one, each unload takes one. */
#include "base/alloc.h"
#include "loader/loader_priv.h"

void reaper_init(struct reaper *r)
{
    *r = (struct reaper){0};
    lock_init(&r->lock, LOCK_REAPER);
    cond_init(&r->changed);
}

static struct reap *next_reap(struct reaper *r)
{
    lock_take(&r->lock);
    while (!r->first && !r->stopping)
        cond_wait(&r->changed, &r->lock, 0);
    struct reap *x = r->first;
    if (x) {
        r->first = x->next;
        if (!r->first)
            r->last = NULL;
    }
    lock_release(&r->lock);
    return x;
}

static void *reap_all(void *arg)
{
    struct reaper *r = arg;
    struct reap *x;
    while ((x = next_reap(r))) {
        struct slot *slot = x->slot;
        behind_forget(r->behind, x->program);
        weights_announce_dead(slot);
        program_free(&x->program);
        weights_free_dead(slot);
        alloc_free(x);
        cache_drained(r->cache, slot);
    }
    return NULL;
}

enum status reaper_start(struct reaper *r, struct cache *cache, struct behind *behind,
                         struct err *err)
{
    r->cache = cache;
    r->behind = behind;
    if (pthread_create(&r->thread, NULL, reap_all, r) != 0)
        return err_set(err, E_INTERNAL, "the thread that frees models could not be started");
    pthread_setname_np(r->thread, "reaper");
    r->started = true;
    return OK;
}

void reaper_fini(struct reaper *r)
{
    lock_take(&r->lock);
    r->stopping = true;
    cond_wake_all(&r->changed);
    lock_release(&r->lock);
    if (r->started)
        pthread_join(r->thread, NULL);
    ASSERT(!r->first);
    while (r->spare) {
        struct reap *x = r->spare;
        r->spare = x->next;
        alloc_free(x);
    }
    cond_fini(&r->changed);
    lock_fini(&r->lock);
}

void reaper_add_spare(struct reaper *r, struct reap *spare)
{
    lock_take(&r->lock);
    spare->next = r->spare;
    r->spare = spare;
    lock_release(&r->lock);
}

void reaper_submit(struct reaper *r, struct slot *slot, struct program *p)
{
    lock_take(&r->lock);
    struct reap *x = r->spare;
    ASSERT(x);
    r->spare = x->next;
    *x = (struct reap){.slot = slot, .program = p};
    *(r->last ? &r->last->next : &r->first) = x;
    r->last = x;
    cond_wake_one(&r->changed);
    lock_release(&r->lock);
}
