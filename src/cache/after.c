/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Work in two steps: chosen under the lock, done after it, so that no callback and no free ever
 * happens under the cache's lock. Nothing here reads a slot that others may free meanwhile: a slot
 * to unload stays until its cache_drained, a dead one is ours alone. */
#include "base/alloc.h"
#include "cache/cache_priv.h"

void after_unload(struct after *a, struct slot *s)
{
    s->after_next = NULL;
    *(a->unload_last ? &a->unload_last->after_next : &a->unload) = s;
    a->unload_last = s;
}

void after_dead(struct after *a, struct slot *s)
{
    s->after_next = a->dead;
    a->dead = s;
}

void after_drained(struct after *a, struct drain_wait *list)
{
    while (list) {
        struct drain_wait *d = list;
        list = d->next;
        d->next = a->drained;
        a->drained = d;
    }
}

static void answer(struct after *a)
{
    while (a->answer) {
        struct waiter *w = a->answer;
        a->answer = w->next; /* w is its owner's once done is called */
        w->done(w, a->status, a->status == OK ? &a->pin : NULL, a->err);
    }
}

void after_run(struct after *a, struct cache *c)
{
    while (a->unload) {
        struct slot *s = a->unload;
        a->unload = s->after_next; /* s is gone once the source called cache_drained */
        c->source.unload(c->source.self, s, s->value);
    }
    answer(a);
    while (a->drained) {
        struct drain_wait *d = a->drained;
        a->drained = d->next;
        d->done(d->arg);
        alloc_free(d);
    }
    shares_free(a->shares);
    tenants_free(a->tenants);
    while (a->holds) {
        struct holds *h = a->holds;
        a->holds = h->after_next;
        holds_free(h);
    }
    while (a->dead) {
        struct slot *s = a->dead;
        a->dead = s->after_next;
        alloc_free(s);
    }
}
