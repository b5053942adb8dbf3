/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What is loaded before it is asked for: because of a hint, or because the policy foresees that it
 * will be, as timers' models are. Such a load takes free bytes and nothing else, so what is
 * foreseen is only told where it fits into them. */
#include <string.h>

#include "cache/cache_priv.h"
#include "cache/policy/policy.h"
#include "metrics/metrics.h"

enum {
    HORIZON_US = 30000000, /* how far ahead */
    SWEEPS = 16,           /* calls of prefetch in a row, each of which looks at some ids */
    NAMES = 4,             /* most told of one of them */
};

void ahead_begins(struct slot *s, enum hint hint)
{
    s->cold = hint == HINT_COLD;
    s->ahead = hint == HINT_SOON;
}

void ahead_asked(struct slot *s)
{
    if (s->ahead)
        metric_add(M_AHEAD_USED, 1);
    s->ahead = s->cold = false;
}

void ahead_leaves(struct slot *s)
{
    if (s->ahead)
        metric_add(M_AHEAD_UNUSED, 1);
    s->ahead = false;
}

static void look(void *cache, uint64_t now_us)
{
    ahead_look(cache, now_us);
}

static void gather(void *cache)
{
    struct cache *c = cache;
    gates_settle(c);
    lock_release(&c->lock);
}

enum status cache_start(struct cache *c, cache_foreseen_fn *foreseen, void *arg, struct err *err)
{
    if (!watch_listens(&c->watch))
        return OK;
    const struct watch_calls calls = {gather, look, c};
    c->foreseen = foreseen;
    c->foreseen_arg = arg;
    return watch_start(&c->watch, &calls, err);
}

void cache_stop(struct cache *c)
{
    watch_stop(&c->watch);
}

/* Of ids, the names of those that are absent and fit together into what nobody was promised. */
static size_t name_absent(struct cache *c, const uint32_t *ids, size_t n,
                          char names[][MODEL_NAME_MAX + 1])
{
    size_t count = 0;
    lock_take(&c->lock);
    uint64_t free_bytes = room_unpromised(c);
    for (size_t i = 0; i < n; i++) {
        const struct slot *s = ids_find(&c->ids, ids[i]);
        if (!s || s->state != SLOT_ABSENT || s->record.load_bytes > free_bytes)
            continue;
        free_bytes -= s->record.load_bytes;
        strncpy(names[count], s->name, MODEL_NAME_MAX);
        names[count++][MODEL_NAME_MAX] = 0;
    }
    lock_release(&c->lock);
    return count;
}

static size_t foresee(struct cache *c, uint64_t now_us, uint32_t *ids)
{
    const struct policy_ahead a = {.now_us = now_us, .horizon_us = HORIZON_US};
    lock_take(&c->watch.lock);
    size_t n = c->policy->ops->prefetch(c->policy, &a, ids, NAMES);
    lock_release(&c->watch.lock);
    return n;
}

void ahead_look(struct cache *c, uint64_t now_us)
{
    if (!c->foreseen || !c->policy || !c->policy->ops->prefetch)
        return;
    for (int i = 0; i < SWEEPS; i++) {
        uint32_t ids[NAMES];
        char names[NAMES][MODEL_NAME_MAX + 1];
        size_t n = foresee(c, now_us, ids);
        n = n ? name_absent(c, ids, n, names) : 0;
        for (size_t k = 0; k < n; k++)
            c->foreseen(c->foreseen_arg, names[k], now_us);
    }
}
