/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Models that are kept, models that expire, and what each tenant has. */
#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "cache/cache_priv.h"
#include "metrics/metrics.h"

static struct slot *live_after(const struct cache *c, const struct slot *s)
{
    struct lru_link *k = lru_next(&c->live, s ? &s->link : NULL);
    return k ? CONTAINER_OF(k, struct slot, link) : NULL;
}

/* ---- kept ones ---- */

void keep_begin(struct cache *c, struct slot *s)
{
    lock_assert_held(&c->lock);
    ASSERT(!s->kept);
    s->kept = true;
    s->tenant->sum->kept_bytes += s->bytes + shares_keep(s, true);
}

void keep_end(struct cache *c, struct slot *s)
{
    lock_assert_held(&c->lock);
    if (!s->kept)
        return;
    s->kept = false;
    s->tenant->sum->kept_bytes -= s->bytes + shares_keep(s, false);
}

static uint64_t may_keep(const struct cache *c, const struct tenant *t)
{
    return c->tenants.everyone ? c->config.limit_bytes / 2 : t->rule->floor_bytes;
}

enum status cache_keep(struct cache *c, const struct pin *pin, struct err *err)
{
    struct slot *s = pin->slot;
    const struct tenant *t = s->tenant;
    const uint64_t most = may_keep(c, t);
    lock_take(&c->lock);
    const bool stays = s->state == SLOT_RESIDENT, fresh = stays && !s->kept;
    if (fresh)
        keep_begin(c, s);
    const uint64_t bytes = t->sum->kept_bytes;
    if (fresh && bytes > most)
        keep_end(c, s);
    lock_release(&c->lock);
    if (!stays)
        return err_set(err, E_CANCELLED, "%s is being unloaded", s->name);
    if (bytes <= most)
        return OK;
    return err_set(err, E_FLOOR,
                   "with %s tenant '%s' would keep %" PRIu64 " bytes, and may keep %" PRIu64,
                   s->name, t->name, bytes, most);
}

enum status cache_unkeep(struct cache *c, const char *name, struct err *err)
{
    uint64_t hash = hash_name(name);
    lock_take(&c->lock);
    struct slot *s = table_find(&c->table, name, hash);
    if (s)
        keep_end(c, s);
    lock_release(&c->lock);
    return s ? OK : err_set(err, E_NOT_FOUND, "no record of model '%.160s' on this node", name);
}

/* ---- those whose time is over ---- */

bool cache_expires(const struct cache *c)
{
    return c->tenants.ttl_least_us != 0;
}

static uint64_t since_us(const struct slot *s)
{
    return MAX(s->record.last_used_us, s->record.loaded_us);
}

/* What is not resident may be nobody's: a proof's place in the list (decide.c). */
static bool expired(const struct cache *c, const struct slot *s) REQUIRES(c->lock)
{
    if (!choose_evictable(c, s))
        return false;
    const uint64_t ttl_us = s->tenant->rule->ttl_us;
    return ttl_us && c->latest_us - since_us(s) >= ttl_us;
}

/* Behind s, which was used so lately, nothing stands that was used before. A load for a hint may
 * stand before its time: then those behind it go at a later call. */
static bool too_new(const struct cache *c, const struct slot *s)
{
    return s->record.last_used_us &&
           c->latest_us - s->record.last_used_us < c->tenants.ttl_least_us;
}

/* One hold's part of it, from place on: how many went is added to *n. False: that was all. */
static bool expire_some(struct cache *c, struct slot *place, uint32_t *n, struct after *a)
    REQUIRES(c->lock)
{
    uint32_t looks = LOOK_STRETCH * c->stretch, work = 0;
    for (; looks && work < c->stretch; looks--) {
        struct slot *s = live_after(c, place);
        if (!s || too_new(c, s))
            return false;
        lru_follow(&place->link, &s->link);
        if (!expired(c, s))
            continue;
        work += slot_work(s);
        ++*n;
        metric_add(M_EVICT_TTL, 1);
        slot_note_evicted(c, s, EVICT_TTL, 0);
        slot_to(c, s, SLOT_DRAINING);
        slot_unload(c, s, a);
        heir_succeeds(c, s);
    }
    return true;
}

/* One hold. */
static bool expire_in_hold(struct cache *c, uint64_t now_us, struct slot *place, uint32_t *n)
{
    struct after after = {0};
    gates_close(c);
    c->latest_us = MAX(c->latest_us, now_us);
    if (!place->link.newer) { /* the first: it stands nowhere yet */
        lru_add(&c->live, &place->link);
        lru_sink(&c->live, &place->link);
    }
    const bool more = expire_some(c, place, n, &after);
    if (!more)
        lru_remove(&place->link);
    gates_open(c);
    after_run(&after, c);
    return more;
}

uint32_t cache_expire(struct cache *c, uint64_t now_us)
{
    struct slot place = {.state = SLOT_ABSENT};
    uint32_t n = 0;
    while (expire_in_hold(c, now_us, &place, &n))
        ;
    return n;
}

/* ---- what each has ---- */

bool cache_ruled(const struct cache *c)
{
    return !c->tenants.everyone;
}

size_t cache_tenants(struct cache *c, struct tenant_usage *out, size_t max)
{
    const struct tenant_table *t = &c->tenants;
    const size_t n = MIN(max, (size_t)t->n_rules + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = (struct tenant_usage){.rule = t->rules[i]};
    gates_settle(c);
    for (size_t i = 0; i < n; i++) {
        const struct tenant_sum *sum = &t->sums[i];
        out[i].bytes = sum->bytes;
        out[i].kept_bytes = sum->kept_bytes;
        out[i].models = sum->models;
        out[i].counts = sum->counts;
    }
    lock_release(&c->lock);
    return n;
}
