/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Who gives way. Under lru the list of live slots is the order: it is exact, and costs a hit no
 * more than two pointers. Another policy is a watcher: it is told of what happens a little later
 * (watch.h) and names victims by its own knowledge. What it names is looked at here again, because
 * it may be behind; and where it names too few, the longest unused go as under lru. So a policy
 * decides who goes first, never whether there is room. */
#include "base/alloc.h"
#include "cache/cache_priv.h"
#include "cache/policy/policy.h"

enum { NAMED_MAX = 4096 }; /* victims that a policy names in one call */

/* ---- what the policy is told ---- */

static enum status steer_reserve(void *arg, uint32_t ids)
{
    struct policy *p = arg;
    return p->ops->reserve(p, ids);
}

static void steer_take(void *arg, const struct watch_event *e)
{
    struct policy *p = arg;
    const struct policy_meta m = {.bytes = e->bytes, .reload_us = e->reload_us, .cold = e->cold};
    switch (e->kind) {
    case WATCH_MISS:
        p->ops->access(p, e->id, e->t_us, &m, false);
        break;
    case WATCH_JOINED:
        if (!e->bytes) /* the miss that it joined is told once its bytes are known */
            break;
        p->ops->access(p, e->id, e->t_us, &m, true); /* costs no load of its own */
        break;
    case WATCH_HIT:
        p->ops->access(p, e->id, e->t_us, &m, true);
        break;
    case WATCH_ENTER:
        p->ops->insert(p, e->id, e->t_us, &m);
        break;
    case WATCH_LEAVE:
        p->ops->remove(p, e->id, POLICY_EVICTED);
        break;
    case WATCH_FORGET:
        p->ops->remove(p, e->id, POLICY_FORGOTTEN);
        break;
    }
}

enum status choose_init(struct cache *c)
{
    const struct policy_ops *ops = c->config.policy;
    const struct policy_config config = {.cap_bytes = c->config.limit_bytes, .seed = 1};
    if (!ops || ops == &policy_lru)
        return OK;
    c->named = alloc_new(NAMED_MAX * sizeof(*c->named));
    enum status s = c->named ? ops->create(&config, &c->policy) : E_NO_MEMORY;
    if (s != OK)
        return s;
    const struct watch_consumer k = {steer_reserve, steer_take, c->policy};
    return cache_watch(c, &k);
}

void choose_fini(struct cache *c)
{
    if (c->policy)
        c->policy->ops->free(&c->policy);
    alloc_free(c->named);
    c->named = NULL;
}

/* ---- victims ---- */

bool choose_evictable(const struct slot *s)
{
    return s->state == SLOT_RESIDENT && !atomic_load(&s->pins);
}

struct slot *choose_oldest(const struct cache *c, const struct slot *after)
{
    lock_assert_held(&c->lock);
    struct lru_link *k = after ? lru_next(&c->live, &after->link) : lru_next(&c->live, NULL);
    while (k && !choose_evictable(CONTAINER_OF(k, struct slot, link)))
        k = lru_next(&c->live, k);
    return k ? CONTAINER_OF(k, struct slot, link) : NULL;
}

static void choose(struct choice *x, struct slot *s)
{
    x->have += s->bytes + shares_leave(s);
    s->chosen = true;
    s->after_next = NULL;
    *(x->last ? &x->last->after_next : &x->first) = s;
    x->last = s;
}

static bool may_go(void *arg, uint32_t id)
{
    const struct cache *c = arg;
    const struct slot *s = ids_find(&c->ids, id);
    return s && choose_evictable(s) && !s->chosen;
}

/* The policy's bytes are those of whole models, ours what would be free if they went. */
static void choose_named(struct cache *c, const struct slot *by, struct choice *x) REQUIRES(c->lock)
{
    struct policy *p = c->policy;
    bool all_told = watch_hold(&c->watch);
    bool ask = all_told && by && by->record.id && p->ops->admit;
    size_t n = 1;
    for (bool first = true; n && x->have < x->bytes; first = false) {
        const struct policy_need need = {x->bytes - x->have, c->latest_us, may_go, c};
        n = p->ops->victims(p, &need, c->named, NAMED_MAX);
        for (size_t i = 0; i < n && x->have < x->bytes; i++)
            choose(x, ids_find(&c->ids, c->named[i]));
        if (first && n && ask)
            x->unworthy = !p->ops->admit(p, by->record.id, c->latest_us, c->named, n);
    }
    watch_let_go(&c->watch);
}

bool choose_victims(struct cache *c, const struct slot *by, struct choice *x)
{
    lock_assert_held(&c->lock);
    if (c->policy && x->have < x->bytes)
        choose_named(c, by, x);
    struct slot *s = NULL;
    while (x->have < x->bytes && (s = choose_oldest(c, s)))
        if (!s->chosen)
            choose(x, s);
    for (s = x->first; s; s = s->after_next) {
        s->chosen = false;
        shares_stay(s);
    }
    return x->have >= x->bytes;
}
