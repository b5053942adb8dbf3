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

/* Takes the first of a list, and all others that are answered together with it. */
static struct waiter *take_alike(struct waiter **list)
{
    struct waiter *first = *list, **end = &first->next;
    *list = first->next;
    for (struct waiter **at = list; first->done_all && *at;) {
        struct waiter *w = *at;
        if (w->done_all != first->done_all) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        *end = w;
        end = &w->next;
    }
    *end = NULL;
    return first;
}

static void answer(struct after *a)
{
    const struct pin *pin = a->status == OK ? &a->pin : NULL;
    while (a->answer) {
        struct waiter *w = take_alike(&a->answer); /* its owner's once it is called */
        (w->done_all ? w->done_all : w->done)(w, a->status, pin, a->err);
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
        alloc_free(s->record.last_words);
        slot_free(s, cache_ruled(c));
    }
}
