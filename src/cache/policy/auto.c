/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* auto: follows whichever policy is measurably cheapest, and lru while none is.
 *
 * Each expert runs a shadow cache of the whole tier on the same invocations. The real cache follows
 * the active expert's shadow: victims are models that this shadow does not hold, the longest unused
 * first, so that after a change the contents converge without anything being thrown out that the
 * new expert would keep; only where all that may go is held by it, the longest unused goes. What
 * was loaded before anybody asked is taken for held until somebody does, or the expert changes.
 *
 * Costs (reload cost of misses) fade with the cost of lru's own misses. lru is left for what was
 * MARGIN cheaper, and comes back when that is no longer cheaper. What the real cache missed is
 * measured too: once it has cost more than lru would have (beyond GUARD), lru it is until that is
 * made good; so no trace costs much more than lru, however it tricks the experts. */
#include <string.h>

#include "base/alloc.h"
#include "cache/policy/ring.h"
#include "cache/policy/shadow.h"

enum { LRU, EXPERTS = 3 };
static const struct policy_ops *const experts[EXPERTS] = {&policy_lru, &policy_hazard,
                                                          &policy_gdsf};

/* What an expert must save to be preferred to lru, and to another that is active. */
static const double MARGIN = 0.97;
/* And its lead must be more than chance: so many times the root of the sum of the squares of what
 * the two were apart at each miss. */
static const double SIGMAS = 2;
/* The real cache's cost ÷ lru's beyond which lru is forced, and below which it no longer is. */
static const double GUARD = 1.01, GUARD_OVER = 1.005;
/* Misses of lru (in its mean cost) after which a cost has faded to 1/e, at least; and how many
 * times the number of residents. */
enum { FADE_MIN = 256, FADE_TURNS = 2 };

struct watched {
    uint64_t bytes;
    bool resident; /* in the real cache */
    bool asked;    /* since it last left: the shadows know of it */
    bool late;     /* was accessed while its bytes were unknown: the shadows still wait for it */
};

struct auto_policy {
    struct policy policy;
    struct shadow shadows[EXPERTS];
    double cost[EXPERTS];  /* fading */
    double apart[EXPERTS]; /* fading: squares of what each miss cost more or less than lru */
    double real, base;     /* cost of the real cache and of lru, since the beginning */
    int active;
    bool guarded;
    struct watched *models; /* heap, per id */
    struct ring kept;       /* residents that the active shadow holds */
    struct ring shed;       /* residents that it does not */
    uint32_t ids;
    uint32_t residents;
};

static void auto_free(struct policy **p)
{
    struct auto_policy *a = CONTAINER_OF(*p, struct auto_policy, policy);
    for (int e = 0; e < EXPERTS; e++)
        shadow_fini(&a->shadows[e]);
    ring_fini(&a->kept);
    ring_fini(&a->shed);
    alloc_free(a->models);
    alloc_free(a);
    *p = NULL;
}

static enum status auto_reserve(struct policy *p, uint32_t ids)
{
    struct auto_policy *a = CONTAINER_OF(p, struct auto_policy, policy);
    enum status s = OK;
    if (a->models && ids <= a->ids)
        return OK;
    uint32_t more = MAX(ids, 1);
    for (int e = 0; s == OK && e < EXPERTS; e++)
        s = shadow_reserve(&a->shadows[e], more);
    if (s == OK)
        s = ring_reserve(&a->kept, more);
    if (s == OK)
        s = ring_reserve(&a->shed, more);
    if (s == OK)
        s = policy_array(&a->models, a->ids, more, sizeof(*a->models));
    if (s == OK)
        a->ids = more;
    return s;
}

/* A model entered or left some expert's shadow: the active one's moves it among the residents. */
static void changed(struct auto_policy *a, int expert, uint32_t id, bool in)
{
    if (expert != a->active || !a->models[id].resident)
        return;
    struct ring *from = in ? &a->shed : &a->kept, *to = in ? &a->kept : &a->shed;
    if (ring_has(from, id)) {
        ring_remove(from, id);
        ring_add(to, id);
    }
}

#define CHANGED(e)                                                                                 \
    static void changed_##e(void *arg, uint32_t id, bool in)                                       \
    {                                                                                              \
        changed(arg, e, id, in);                                                                   \
    }
CHANGED(0)
CHANGED(1)
CHANGED(2)
static shadow_change_fn *const told[EXPERTS] = {changed_0, changed_1, changed_2};

static enum status auto_create(const struct policy_config *c, struct policy **out)
{
    struct auto_policy *a = alloc_zero(1, sizeof(*a));
    enum status s = a ? OK : E_NO_MEMORY;
    if (!a)
        return s;
    a->policy.ops = &policy_auto;
    for (int e = 0; s == OK && e < EXPERTS; e++) {
        s = shadow_init(&a->shadows[e], experts[e], c);
        a->shadows[e].change = told[e];
        a->shadows[e].arg = a;
    }
    struct policy *p = &a->policy;
    if (s == OK)
        s = auto_reserve(p, c->ids);
    if (s == OK)
        *out = p;
    else
        auto_free(&p);
    return s;
}

static void auto_resize(struct policy *p, uint64_t cap_bytes)
{
    struct auto_policy *a = CONTAINER_OF(p, struct auto_policy, policy);
    for (int e = 0; e < EXPERTS; e++)
        shadow_resize(&a->shadows[e], cap_bytes);
}

/* Sorts all residents anew, in the order of their last use, into what expert keeps and not. */
static void follow(struct auto_policy *a, int expert)
{
    a->active = expert;
    for (uint32_t id = ring_next(&a->kept, RING_NONE), next; id != RING_NONE; id = next) {
        next = ring_next(&a->kept, id);
        if (shadow_has(&a->shadows[expert], id))
            continue;
        ring_remove(&a->kept, id);
        ring_add(&a->shed, id);
    }
    for (uint32_t id = ring_next(&a->shed, RING_NONE), next; id != RING_NONE; id = next) {
        next = ring_next(&a->shed, id);
        if (!shadow_has(&a->shadows[expert], id))
            continue;
        ring_remove(&a->shed, id);
        ring_add(&a->kept, id);
    }
}

static bool leads(const struct auto_policy *a, int e)
{
    double lead = a->cost[LRU] - a->cost[e];
    return lead > 0 && lead * lead > SIGMAS * SIGMAS * a->apart[e];
}

static void decide(struct auto_policy *a)
{
    int best = a->active;
    if (a->real > a->base * GUARD)
        a->guarded = true;
    else if (a->real <= a->base * GUARD_OVER)
        a->guarded = false;
    if (a->active != LRU && a->cost[a->active] >= a->cost[LRU])
        best = LRU;
    for (int e = 0; e < EXPERTS; e++)
        if (e != LRU && e != best && a->cost[e] < a->cost[best] * MARGIN && leads(a, e))
            best = e;
    if (a->guarded)
        best = LRU;
    if (best != a->active)
        follow(a, best);
}

static void fade(struct auto_policy *a)
{
    double last = (double)MAX(FADE_MIN, FADE_TURNS * (uint64_t)a->residents);
    for (int e = 0; e < EXPERTS; e++) {
        a->cost[e] *= 1 - 1 / last;
        a->apart[e] *= 1 - 1 / last;
    }
}

static void shadows_access(struct auto_policy *a, uint32_t id, uint64_t now_us,
                           const struct policy_meta *m)
{
    bool hit[EXPERTS], missed = false;
    double cost = (double)m->reload_us;
    for (int e = 0; e < EXPERTS; e++) {
        hit[e] = shadow_access(&a->shadows[e], id, now_us, m);
        missed |= !hit[e];
    }
    if (!missed)
        return;
    fade(a);
    for (int e = 0; e < EXPERTS; e++) {
        a->cost[e] += hit[e] ? 0 : cost;
        a->apart[e] += hit[e] == hit[LRU] ? 0 : cost * cost;
    }
    a->base += hit[LRU] ? 0 : cost;
    decide(a);
}

static void auto_access(struct policy *p, uint32_t id, uint64_t now_us, const struct policy_meta *m,
                        bool hit)
{
    struct auto_policy *a = CONTAINER_OF(p, struct auto_policy, policy);
    struct watched *w = &a->models[id];
    w->asked = true;
    a->real += hit ? 0 : (double)m->reload_us;
    if (w->resident) {
        struct ring *r = ring_has(&a->kept, id) ? &a->kept : &a->shed;
        ring_remove(r, id);
        ring_add(r, id);
    }
    w->late = !m->bytes;
    if (m->bytes)
        shadows_access(a, id, now_us, m);
}

static void auto_insert(struct policy *p, uint32_t id, uint64_t now_us, const struct policy_meta *m)
{
    struct auto_policy *a = CONTAINER_OF(p, struct auto_policy, policy);
    struct watched *w = &a->models[id];
    w->resident = true;
    w->bytes = m->bytes;
    a->residents++;
    bool kept = shadow_has(&a->shadows[a->active], id) || !w->asked;
    if (m->cold)
        ring_sink(kept ? &a->kept : &a->shed, id);
    else
        ring_add(kept ? &a->kept : &a->shed, id);
    if (w->late) {
        w->late = false;
        shadows_access(a, id, now_us, m);
    }
}

static void auto_remove(struct policy *p, uint32_t id, enum policy_why why)
{
    struct auto_policy *a = CONTAINER_OF(p, struct auto_policy, policy);
    struct watched *w = &a->models[id];
    if (w->resident) {
        ring_remove(ring_has(&a->kept, id) ? &a->kept : &a->shed, id);
        a->residents--;
    }
    w->resident = w->asked = false;
    if (why != POLICY_FORGOTTEN)
        return;
    memset(w, 0, sizeof(*w));
    for (int e = 0; e < EXPERTS; e++)
        shadow_forget(&a->shadows[e], id);
}

/* Of those that are given, first what the active shadow does not hold. */
static size_t shed_among(const struct auto_policy *a, const struct policy_need *need, uint32_t *out,
                         size_t n)
{
    const struct ring *rings[] = {&a->shed, &a->kept};
    size_t count = 0;
    uint64_t have = 0;
    for (size_t r = 0; r < ARRAY_COUNT(rings); r++)
        for (size_t i = 0; i < need->n_among && count < n && have < need->bytes; i++) {
            const uint32_t id = need->among[i];
            if (!ring_has(rings[r], id) || (need->evictable && !need->evictable(need->arg, id)))
                continue;
            out[count++] = id;
            have += a->models[id].bytes;
        }
    return count;
}

static size_t auto_victims(struct policy *p, const struct policy_need *need, uint32_t *out,
                           size_t n)
{
    const struct auto_policy *a = CONTAINER_OF(p, struct auto_policy, policy);
    const struct ring *rings[] = {&a->shed, &a->kept};
    size_t count = 0, looked = 0;
    uint64_t have = 0;
    if (need->among)
        return shed_among(a, need, out, n);
    for (size_t r = 0; r < ARRAY_COUNT(rings); r++) {
        uint32_t id = ring_next(rings[r], RING_NONE);
        for (; id != RING_NONE && count < n && have < need->bytes; id = ring_next(rings[r], id)) {
            if (need->looks && looked++ == need->looks)
                return count;
            if (need->evictable && !need->evictable(need->arg, id))
                continue;
            out[count++] = id;
            have += a->models[id].bytes;
        }
    }
    return count;
}

/* What the active shadow did not keep is not kept either, while its bytes are missing. */
static bool auto_admit(struct policy *p, uint32_t id, uint64_t now_us, const uint32_t *victims,
                       size_t n)
{
    const struct auto_policy *a = CONTAINER_OF(p, struct auto_policy, policy);
    UNUSED(now_us);
    UNUSED(victims);
    UNUSED(n);
    return a->models[id].late || shadow_has(&a->shadows[a->active], id);
}

static bool is_absent(void *arg, uint32_t id)
{
    const struct auto_policy *a = arg;
    return !a->models[id].resident;
}

/* As hazard foresees, whatever its shadow holds. */
static size_t auto_prefetch(struct policy *p, const struct policy_ahead *ahead, uint32_t *out,
                            size_t n)
{
    struct auto_policy *a = CONTAINER_OF(p, struct auto_policy, policy);
    struct policy *h = a->shadows[1].policy;
    struct policy_ahead all = *ahead;
    if (!all.absent) {
        all.absent = is_absent;
        all.arg = a;
    }
    return h->ops->prefetch(h, &all, out, n);
}

const struct policy_ops policy_auto = {
    .name = "auto",
    .summary = "follows the policy that measures cheapest just now; lru while none is",
    .create = auto_create,
    .free = auto_free,
    .reserve = auto_reserve,
    .resize = auto_resize,
    .access = auto_access,
    .insert = auto_insert,
    .remove = auto_remove,
    .victims = auto_victims,
    .admit = auto_admit,
    .prefetch = auto_prefetch,
};
