/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Whose turn it is to give, and which of its models may go. A decision names victims one by one and
 * counts what each tenant would have left, so that nobody is taken below its floor for another's
 * sake; nothing happens to anybody before the decision is whole. It looks at every tenant once a
 * victim, and at every live slot at most once a tenant.
 *
 * Greatest (bytes - floor) / weight first is progressive filling from above: it ends where all who
 * gave stand equal, the weighted max-min division, without anybody having to say who takes part. */
#include "cache/cache_priv.h"

#define IDLE_US (TENANT_IDLE_S * UINT64_C(1000000))

/* What t would have, were the decision carried out as it stands. */
static uint64_t would_have(const struct turn *turn, const struct tenant *t)
{
    uint64_t has = t->used_bytes + t->promised_bytes + (t == turn->asker ? turn->asked_bytes : 0);
    return has > t->leaving_bytes ? has - t->leaving_bytes : 0;
}

bool turn_over_ceiling(const struct turn *turn)
{
    const struct tenant *t = turn->asker;
    return t && t->rule->ceiling_bytes && would_have(turn, t) > t->rule->ceiling_bytes;
}

static bool idle(const struct cache *c, const struct turn *turn, const struct tenant *t)
{
    return t != turn->asker && c->latest_us > t->last_us && c->latest_us - t->last_us > IDLE_US;
}

static double over(const struct turn *turn, const struct tenant *t)
{
    return ((double)would_have(turn, t) - (double)t->rule->floor_bytes) / (double)t->rule->weight;
}

struct tenant *turn_tenant(const struct cache *c, const struct turn *turn)
{
    struct tenant *best = NULL;
    bool best_idle = false;
    double most = 0;
    if (turn_over_ceiling(turn))
        return turn->asker->through ? NULL : turn->asker;
    for (struct tenant *t = c->tenants.all; t; t = t->next) {
        if (t->through || (t != turn->asker && would_have(turn, t) <= t->rule->floor_bytes))
            continue;
        bool t_idle = idle(c, turn, t);
        double t_over = over(turn, t);
        if (!best || t_idle > best_idle || (t_idle == best_idle && t_over > most)) {
            best = t;
            best_idle = t_idle;
            most = t_over;
        }
    }
    return best;
}

bool turn_may_go(const struct cache *c, const struct turn *turn, const struct slot *s)
{
    lock_assert_held(&c->lock);
    if (!choose_evictable(s) || s->chosen || s == turn->spared)
        return false;
    uint64_t stays_us = s->tenant->rule->min_residency_us;
    return turn->all || !stays_us || c->latest_us - s->record.loaded_us >= stays_us;
}

bool turn_take(const struct turn *turn, struct slot *s, uint64_t *freed)
{
    struct tenant *t = s->tenant;
    *freed = s->bytes + shares_leave(s);
    uint64_t loss = s->bytes + shares_loss(s);
    uint64_t has = would_have(turn, t), floor = t->rule->floor_bytes;
    if (t != turn->asker && (has < floor || has - floor < loss)) {
        shares_stay(s);
        return false;
    }
    t->leaving_bytes += loss;
    return true;
}

struct slot *turn_oldest(const struct cache *c, const struct turn *turn, struct tenant *t)
{
    lock_assert_held(&c->lock);
    const struct lru_link *k = t->seen ? &t->seen->link : NULL;
    while ((k = lru_next(&c->live, k))) {
        struct slot *s = CONTAINER_OF((struct lru_link *)k, struct slot, link);
        if (s->tenant != t)
            continue;
        t->seen = s;
        if (turn_may_go(c, turn, s))
            return s;
    }
    t->through = true;
    return NULL;
}

void turn_end(struct cache *c)
{
    lock_assert_held(&c->lock);
    for (struct tenant *t = c->tenants.all; t; t = t->next) {
        t->through = t->unnamed = false;
        t->leaving_bytes = 0;
        t->seen = NULL;
    }
}
