/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the cache tells its watchers (watch.h), and the ids by which it does. An id belongs to the
 * record: it moves with it to a fresh slot, and is forgotten with it. Without watchers, or memory
 * for their knowledge, a record has none, and nothing is told of it. */
#include "base/alloc.h"
#include "cache/cache_priv.h"

enum { IDS_AHEAD = 64 }; /* more than threads that make records at once */

enum status ids_init(struct ids *ids, uint32_t slots_max)
{
    *ids = (struct ids){.max = slots_max + 1};
    ids->slots = alloc_zero(ids->max, sizeof(struct slot *));
    ids->freed = alloc_zero(ids->max, sizeof(uint32_t));
    if (ids->slots && ids->freed)
        return OK;
    ids_fini(ids);
    return E_NO_MEMORY;
}

void ids_fini(struct ids *ids)
{
    alloc_free(ids->slots);
    alloc_free(ids->freed);
    *ids = (struct ids){0};
}

struct slot *ids_find(const struct ids *ids, uint32_t id)
{
    return id < ids->max ? ids->slots[id] : NULL;
}

void tell_reserve(struct cache *c, uint32_t records)
{
    if (watch_listens(&c->watch))
        watch_reserve(&c->watch, records < UINT32_MAX - IDS_AHEAD ? records + IDS_AHEAD : records);
}

void tell_record(struct cache *c, struct slot *s)
{
    lock_assert_held(&c->lock);
    struct ids *ids = &c->ids;
    struct record *r = &s->record;
    if (!watch_listens(&c->watch))
        return;
    if (!r->id && ids->n_freed)
        r->id = ids->freed[--ids->n_freed];
    else if (!r->id && ids->used + 1 < MIN(ids->max, atomic_load(&c->watch.ids)))
        r->id = ++ids->used;
    if (r->id)
        ids->slots[r->id] = s;
}

void tell_forgotten(struct cache *c, struct slot *s)
{
    lock_assert_held(&c->lock);
    struct ids *ids = &c->ids;
    uint32_t id = s->record.id;
    if (!id)
        return;
    tell(c, s, WATCH_FORGET);
    ids->slots[id] = NULL;
    ids->freed[ids->n_freed++] = id;
    s->record.id = 0;
}

void tell(struct cache *c, struct slot *s, enum watch_kind kind)
{
    lock_assert_held(&c->lock);
    const struct record *r = &s->record;
    if (!r->id)
        return;
    const struct watch_event e = {.t_us = c->latest_us,
                                  .bytes = r->load_bytes,
                                  .id = r->id,
                                  .reload_us = r->reload_us,
                                  .kind = kind,
                                  .cold = s->cold};
    watch_put(&c->watch, &e);
}

void tell_all(struct cache *c)
{
    gates_settle(c);
    lock_release(&c->lock);
    watch_catch_up(&c->watch);
}

/* A miss is told at once where the model was loaded before; else its bytes are not known yet. */
void tell_lookup(struct cache *c, struct slot *s, enum lookup how)
{
    static const enum watch_kind kind[] = {
        [LOOKUP_HIT] = WATCH_HIT, [LOOKUP_MISS] = WATCH_MISS, [LOOKUP_JOINED] = WATCH_JOINED};
    lock_assert_held(&c->lock);
    if (how == LOOKUP_MISS)
        s->untold = !s->record.load_bytes;
    if (how != LOOKUP_MISS || !s->untold)
        tell(c, s, kind[how]);
}

void tell_bytes(struct cache *c, struct slot *s, uint64_t bytes)
{
    lock_assert_held(&c->lock);
    s->record.load_bytes = MAX(s->record.load_bytes, MAX(bytes, 1));
    if (s->guest)
        return;
    if (s->untold)
        tell(c, s, WATCH_MISS);
    s->untold = false;
}

/* Bytes are measured anew when the version changed. Else they only grow, at a load for which less
 * was there of what it shares: what others hold of a model must not make it look like another
 * version, again and again. */
void tell_loaded(struct cache *c, struct slot *s, bool changed, uint64_t took_us)
{
    lock_assert_held(&c->lock);
    struct record *r = &s->record;
    struct share_view view;
    uint64_t us = r->reload_us ? (3 * (uint64_t)r->reload_us + took_us) / 4 : took_us;
    r->reload_us = (uint32_t)MAX(1, MIN(us, UINT32_MAX));
    shares_view(s, &view);
    if (changed || !r->load_bytes)
        r->load_bytes = MAX(s->bytes + view.alone_bytes, 1);
    if (!s->transient_bytes)
        tell(c, s, WATCH_ENTER);
}
