/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Looking at the cache without changing it: copies made under the lock. */
#include <string.h>

#include "base/hash.h"
#include "cache/cache_priv.h"
#include "cache/policy/policy.h"

static void fill(const struct cache *c, const struct slot *s, struct slot_info *out)
{
    const struct record *r = &s->record;
    struct share_view view;
    shares_view(s, &view);
    *out = (struct slot_info){
        .state = s->state,
        .bytes = s->bytes + s->dead_bytes + view.alone_bytes,
        .shared_bytes = view.shared_bytes,
        .part_bytes = s->bytes + s->dead_bytes + view.part_bytes,
        .hits = r->hits,
        .misses = r->misses,
        .joined = r->joined,
        .loads = r->loads,
        .evictions = r->evictions,
        .pins = pins_count(c, s),
        .kept = s->kept,
        .reloading = s->heir != NULL,
        .waiters = s->waiter_count,
        .last_used_us = r->last_used_us,
        .loaded_us = r->loaded_us,
        .last_load = r->last_load,
        .origin = r->origin,
        .evicted_us = r->evicted_us,
        .evicted_why = r->evicted_why,
        .retry_at_us = s->state == SLOT_FAILED || s->state == SLOT_RESIDENT ? r->retry_at_us : 0,
    };
    record_failure(r, &out->last_error);
    strncpy(out->name, s->name, MODEL_NAME_MAX);
    memcpy(out->version, r->version, sizeof(out->version));
    const struct slot *by =
        r->evicted_why == EVICT_ROOM ? table_find_hash(&c->table, r->evicted_by) : NULL;
    if (by)
        strncpy(out->evicted_by, by->name, MODEL_NAME_MAX);
}

bool cache_info(struct cache *c, const char *name, struct slot_info *out)
{
    uint64_t hash = hash_name(name);
    gates_settle(c);
    const struct slot *s = table_find(&c->table, name, hash);
    if (s)
        fill(c, s, out);
    lock_release(&c->lock);
    return s != NULL;
}

/* A page being filled. A stretch of it is what one hold of the lock covers: what others of a share
 * hold changes with every load, so that it is summed when it is asked for. */
struct page {
    const struct cache *cache;
    struct slot_info *out;
    size_t count, max;
    uint32_t walked; /* records and shares, in this stretch */
};

enum { STRETCH_MAX = 1000 }; /* when it is reached, the record at hand is the stretch's last */

/* Returns false when the stretch ends. */
static bool add_to_page(void *arg, const struct slot *s)
{
    struct page *p = arg;
    fill(p->cache, s, &p->out[p->count++]);
    p->walked += 1 + (s->holds ? s->holds->n : 0);
    return p->count < p->max && p->walked < STRETCH_MAX;
}

size_t cache_list(struct cache *c, const char *after, struct slot_info *out, size_t max)
{
    struct page p = {c, out, 0, max, 0};
    bool more = max > 0;
    while (more) {
        p.walked = 0;
        gates_settle(c);
        table_walk(&c->table, p.count ? out[p.count - 1].name : after, add_to_page, &p);
        lock_release(&c->lock);
        more = p.count < max && p.walked >= STRETCH_MAX;
    }
    return p.count;
}

const char *cache_policy_name(const struct cache *c)
{
    return c->config.policy ? c->config.policy->name : policy_lru.name;
}

void cache_usage(struct cache *c, struct budget_usage *out)
{
    budget_read(&c->budget, out);
}

uint32_t cache_thrash_ratio(struct cache *c)
{
    gates_settle(c);
    uint32_t ratio = refuse_ratio(c);
    lock_release(&c->lock);
    return ratio;
}

void cache_counts(struct cache *c, uint64_t by_state[5])
{
    gates_settle(c);
    memcpy(by_state, c->by_state, sizeof(c->by_state));
    lock_release(&c->lock);
}
