/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a lookup that counts changes: counts, recency, and what watchers hear. */
#include "cache/cache_priv.h"
#include "metrics/metrics.h"

/* Where there is one tenant, a hit does not ask its slot for it. */
static void count_tenant(const struct cache *c, const struct slot *s, enum lookup how,
                         uint64_t now_us)
{
    struct tenant *t = c->tenants.everyone ? c->tenants.everyone : s->tenant;
    struct tenant_counts *n = &t->sum->counts;
    ++*(how == LOOKUP_HIT ? &n->hits : how == LOOKUP_MISS ? &n->misses : &n->joined);
    t->last_us = now_us;
    if (t->table)
        rank_asked(t);
}

void lookup_note(struct cache *c, struct slot *s, enum lookup how, uint64_t now_us)
{
    lock_assert_held(&c->lock);
    struct record *r = &s->record;
    ++*(how == LOOKUP_HIT ? &r->hits : how == LOOKUP_MISS ? &r->misses : &r->joined);
    r->last_used_us = now_us;
    count_tenant(c, s, how, now_us);
    ahead_asked(s);
    slot_touch(c, s);
    tell_lookup(c, s, how);
}

void lookup_count(struct cache *c, struct slot *s, struct waiter *w, enum lookup how,
                  uint64_t now_us)
{
    static const enum metric metric[] = {[LOOKUP_HIT] = M_LOOKUP_HIT,
                                         [LOOKUP_MISS] = M_LOOKUP_MISS,
                                         [LOOKUP_JOINED] = M_LOOKUP_JOINED};
    lock_assert_held(&c->lock);
    w->lookup = how;
    if (!w->counts)
        return;
    metric_add(metric[how], 1);
    lookup_note(c, s, how, now_us);
}
