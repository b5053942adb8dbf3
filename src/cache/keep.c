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

/* What s holds and nothing counted in this pass does: a share counts once, whoever else has it. */
static uint64_t holds_besides(struct cache *c, struct slot *s) REQUIRES(c->lock)
{
    return s->bytes + shares_pass(s, c->passes);
}

/* ---- kept ones ---- */

/* What the kept models of t hold, and s with them. */
static uint64_t kept_with(struct cache *c, const struct tenant *t, struct slot *s) REQUIRES(c->lock)
{
    c->passes++;
    uint64_t bytes = s ? holds_besides(c, s) : 0;
    if (!c->kept_count)
        return bytes;
    for (struct slot *k = live_after(c, NULL); k; k = live_after(c, k))
        if (k != s && k->tenant == t && k->record.kept)
            bytes += holds_besides(c, k);
    return bytes;
}

static uint64_t may_keep(const struct cache *c, const struct tenant *t)
{
    return c->tenants.everyone ? c->config.limit_bytes / 2 : t->rule->floor_bytes;
}

enum status cache_keep(struct cache *c, const struct pin *pin, struct err *err)
{
    struct slot *s = pin->slot;
    const struct tenant *t = s->tenant;
    lock_take(&c->lock);
    bool stays = s->state == SLOT_RESIDENT;
    uint64_t bytes = kept_with(c, t, s), most = may_keep(c, t);
    if (stays && bytes <= most && !s->record.kept) {
        s->record.kept = true;
        c->kept_count++;
    }
    lock_release(&c->lock);
    if (!stays)
        return err_set(err, E_CANCELLED, "%s is being unloaded", s->name);
    if (bytes <= most)
        return OK;
    return err_set(err, E_FLOOR,
                   "with %s tenant '%s' would keep %" PRIu64 " bytes, and may keep %" PRIu64,
                   s->name, t->name, bytes, most);
}

void keep_end(struct cache *c, struct slot *s)
{
    lock_assert_held(&c->lock);
    if (!s->record.kept)
        return;
    s->record.kept = false;
    c->kept_count--;
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
static bool expired(const struct cache *c, const struct slot *s)
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

uint32_t cache_expire(struct cache *c, uint64_t now_us)
{
    struct after after = {0};
    uint32_t n = 0;
    gates_close(c);
    c->latest_us = MAX(c->latest_us, now_us);
    struct slot *s = live_after(c, NULL), *next;
    for (; s && !too_new(c, s); s = next) {
        next = live_after(c, s);
        if (!expired(c, s))
            continue;
        metric_add(M_EVICT_TTL, 1);
        slot_note_evicted(c, s, EVICT_TTL, 0);
        slot_to(c, s, SLOT_DRAINING);
        slot_unload(c, s, &after);
        heir_succeeds(c, s);
        n++;
    }
    gates_open(c);
    after_run(&after, c);
    return n;
}

/* ---- what each has ---- */

bool cache_ruled(const struct cache *c)
{
    return !c->tenants.everyone;
}

static void add_tenant(const struct tenant *t, struct tenant_usage *out)
{
    out->bytes += t->used_bytes + t->promised_bytes;
    const struct tenant_counts *n = &t->own_counts;
    out->counts.hits += n->hits;
    out->counts.misses += n->misses;
    out->counts.joined += n->joined;
    out->counts.loads += n->loads;
    out->counts.evictions += n->evictions;
}

size_t cache_tenants(struct cache *c, struct tenant_usage *out, size_t max)
{
    struct tenant_table *t = &c->tenants;
    const size_t n = MIN(max, (size_t)t->n_rules + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = (struct tenant_usage){.rule = t->rules[i]};
    gates_settle(c);
    for (const struct tenant *k = t->all; k; k = k->next)
        if ((size_t)(k->rule - t->rules) < n)
            add_tenant(k, &out[k->rule - t->rules]);
    if (n > t->n_rules)
        out[t->n_rules].counts = t->other_counts;
    c->passes++;
    for (struct slot *s = live_after(c, NULL); s; s = live_after(c, s)) {
        if (s->state != SLOT_RESIDENT)
            continue;
        size_t i = (size_t)(s->tenant->rule - t->rules);
        if (i < n) {
            out[i].models++;
            out[i].kept_bytes += s->record.kept ? holds_besides(c, s) : 0;
        }
    }
    lock_release(&c->lock);
    return n;
}
