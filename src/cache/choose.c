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
    c->named = alloc_new((CHOOSE_STRETCH + CHOOSE_AMONG) * sizeof(*c->named));
    c->among = c->named + CHOOSE_STRETCH;
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

bool choose_evictable(const struct cache *c, const struct slot *s)
{
    return !s->kept && s->state == SLOT_RESIDENT && !pins_count(c, s);
}

struct slot *choose_oldest(const struct cache *c)
{
    lock_assert_held(&c->lock);
    struct lru_link *k = lru_next(&c->live, NULL);
    while (k && !choose_evictable(c, CONTAINER_OF(k, struct slot, link)))
        k = lru_next(&c->live, k);
    return k ? CONTAINER_OF(k, struct slot, link) : NULL;
}

static bool enough(const struct choice *x)
{
    return x->have >= x->bytes && !turn_over_ceiling(&x->turn);
}

/* False: s may not go for this asker. */
static bool choose(struct choice *x, struct slot *s)
{
    uint64_t freed;
    if (!turn_take(&x->turn, s, &freed))
        return false;
    x->have += freed;
    x->work += slot_work(s);
    s->chosen = true;
    s->after_next = NULL;
    *(x->last ? &x->last->after_next : &x->first) = s;
    x->last = s;
    return true;
}

/* As many as one hold may? */
static bool many(const struct cache *c, const struct choice *x)
{
    return x->work >= c->stretch || (x->first && x->looks >= NAMING_LOOKS * c->stretch) ||
           !x->turn.looks;
}

/* What a policy is asked for: victims of one tenant. */
struct naming {
    const struct cache *c;
    const struct choice *x;
    const struct tenant *of;
    uint32_t looks;
};

static bool is_candidate(const struct naming *a, const struct slot *s)
{
    return turn_may_go(a->c, &a->x->turn, s) && turn_leaves_floor(&a->x->turn, s);
}

static bool may_go(void *arg, uint32_t id)
{
    struct naming *a = arg;
    const struct slot *s = ids_find(&a->c->ids, id);
    a->looks++;
    return s && s->tenant == a->of && is_candidate(a, s);
}

/* The longest unused of a tenant that may be named, into c->among. Of what may not go, some are
 * passed. */
static size_t gather(struct cache *c, struct naming *a) REQUIRES(c->lock)
{
    size_t n = 0;
    struct lru_link *k = lru_next(&a->of->live, NULL);
    for (int i = 0; k && n < CHOOSE_AMONG && i < LOOK_STRETCH * CHOOSE_AMONG; i++) {
        const struct slot *s = &CONTAINER_OF(k, struct mated_slot, mate)->slot;
        a->looks++;
        if (s->record.id && is_candidate(a, s))
            c->among[n++] = s->record.id;
        k = lru_next(&a->of->live, k);
    }
    return n;
}

/* Whom the policy names of t, into c->named. A tenant that has many is looked for among all first:
 * so the policy sees more of it than those that are unused for the longest. */
static size_t name(struct cache *c, struct choice *x, struct tenant *t) REQUIRES(c->lock)
{
    struct policy *p = c->policy;
    struct naming naming = {c, x, t, 0};
    struct policy_need need = {.bytes = MAX(x->bytes, x->have + 1) - x->have,
                               .now_us = c->latest_us,
                               .evictable = may_go,
                               .arg = &naming,
                               .looks = CHOOSE_LOOKS};
    size_t n = 0;
    if (c->tenants.everyone || t->residents > CHOOSE_AMONG)
        n = p->ops->victims(p, &need, c->named, c->stretch);
    if (!n && !c->tenants.everyone) {
        need.evictable = NULL; /* they are */
        need.among = c->among;
        need.n_among = gather(c, &naming);
        n = p->ops->victims(p, &need, c->named, c->stretch);
    }
    x->looks += naming.looks * (p->ops->looks_cost ? NAMING_LOOKS : 1);
    return n;
}

/* Those of t that the policy names, as long as it is t's turn; false: none that can go. by: whom
 * the policy is to compare them with, or NULL. Its bytes are those of whole models, ours what would
 * be free if they went. */
static bool choose_named(struct cache *c, const struct slot *by, struct choice *x, struct tenant *t)
    REQUIRES(c->lock)
{
    struct policy *p = c->policy;
    bool any = false;
    const size_t n = name(c, x, t);
    for (size_t i = 0; i < n && !enough(x) && x->work < c->stretch; i++) {
        if (any && turn_tenant(c, &x->turn) != t)
            break;
        any |= choose(x, ids_find(&c->ids, c->named[i]));
    }
    if (by && n)
        x->unworthy |= !p->ops->admit(p, by->record.id, c->latest_us, c->named, n);
    return any;
}

/* Turn by turn: whom the policy names and, where it names nobody, the longest unused. */
static void choose_turns(struct cache *c, const struct slot *by, struct choice *x) REQUIRES(c->lock)
{
    struct tenant *t;
    struct slot *s;
    while (!enough(x) && !many(c, x) && (t = turn_tenant(c, &x->turn))) {
        if (c->policy && !t->unnamed) {
            if (!choose_named(c, by, x, t))
                turn_unnamed(&x->turn, t);
            by = NULL;
            continue;
        }
        while ((s = turn_oldest(c, &x->turn, t)) && !choose(x, s) && x->turn.looks)
            x->turn.looks--;
    }
}

/* The same, the policy up to date as far as may be waited for. */
static void choose_steered(struct cache *c, const struct slot *by, struct choice *x)
    REQUIRES(c->lock)
{
    bool all_told = watch_hold(&c->watch);
    bool compare = all_told && by && by->record.id && c->policy->ops->admit;
    choose_turns(c, compare ? by : NULL, x);
    watch_let_go(&c->watch);
}

/* Is all to be looked at in this hold? Each finds anew which tenants are through: where they are
 * many, that would take longer than what it spares. */
static bool at_once(const struct cache *c, const struct choice *x)
{
    const struct rank_heap *h = c->tenants.ranks;
    return x->whole || h[0].n + h[1].n > CHOOSE_TENANTS;
}

enum chosen choose_some(struct cache *c, const struct slot *by, struct choice *x)
{
    lock_assert_held(&c->lock);
    turn_begin(c, &x->turn);
    x->turn.looks = at_once(c, x) ? UINT32_MAX : LOOK_STRETCH * c->stretch;
    if (c->policy && !enough(x))
        choose_steered(c, by, x);
    else
        choose_turns(c, NULL, x);
    const enum chosen how = enough(x) ? CHOSEN_ENOUGH : many(c, x) ? CHOSEN_MANY : CHOSEN_TOO_FEW;
    for (struct slot *s = x->first; s; s = s->after_next) /* which is here until room_evict */
        s->chosen = false;
    turn_end(c, &x->turn);
    return how;
}

enum chosen choose_victims(struct cache *c, const struct slot *by, struct choice *x)
{
    const struct choice begun = *x;
    x->turn.all = !c->tenants.some_stay;
    enum chosen how = choose_some(c, by, x);
    if (how != CHOSEN_TOO_FEW || x->turn.all)
        return how;
    *x = begun;
    x->turn.all = true;
    return choose_some(c, by, x);
}
