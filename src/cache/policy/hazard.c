/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* hazard: gives up first what earns least per byte and second. From each model's own idle times
 * (life.h) follows how likely it is asked for by when, having been idle for as long as it has; that
 * rate x reload cost ÷ bytes is its rank (a Gittins index). A model of few invocations borrows from
 * all that had as few.
 *
 * Ranks change with time alone, so none is kept: a decision ranks all residents where they are few,
 * else a random sample, and takes the lowest of it. */
#include <string.h>

#include "base/alloc.h"
#include "cache/policy/life.h"
#include "cache/policy/policy.h"

enum {
    SCAN_MAX = 160, /* so many residents are ranked whole */
    SAMPLE = 96,    /* of more, so many per round … */
    TAKE = 8,       /* … of which at most so many are named */
    POOLS = 6,      /* models of 1, 2, 3-4, 5-8, 9-16 and more invocations */
    REFRESH = 256,  /* accesses between two estimates of the pools */
    FORESEE = 256,  /* ids that one call of prefetch looks at */
};
static const double FORESEEN = 0.5; /* the least chance for a prefetch */

struct model {
    struct life_own own;
    bool censored; /* its open idle time was counted as censored, in `pool` at `idle_us` */
    uint8_t pool;  /* of the open idle time */
    uint32_t uses;
    uint32_t place;   /* in residents, from 1; 0: not resident */
    uint32_t round;   /* the last call of victims that looked at it; see struct hazard */
    uint64_t last_us; /* last invocation */
    uint64_t idle_us; /* what was censored */
    uint64_t bytes;   /* while resident */
    uint64_t reload_us;
};

struct ranked {
    double rank;
    uint32_t id;
};

struct hazard {
    struct policy policy;
    struct model *models; /* heap, per id */
    uint32_t *residents;  /* heap; room for all ids */
    uint32_t ids, count;
    uint32_t round;   /* counts calls of victims */
    uint32_t foresee; /* where prefetch goes on */
    uint32_t accesses;
    uint64_t now_us; /* the latest that came in */
    uint64_t random; /* state of xorshift64, not 0 */
    double price;    /* rank of what was evicted lately: what a byte and microsecond are worth */
    struct life_pool pools[POOLS];
    struct ranked sample[SCAN_MAX];
};

static uint32_t draw(struct hazard *h, uint32_t below)
{
    h->random ^= h->random << 13;
    h->random ^= h->random >> 7;
    h->random ^= h->random << 17;
    return (uint32_t)((h->random >> 32) * below >> 32);
}

static int pool_of(uint32_t uses)
{
    int pool = uses <= 1 ? 0 : 32 - __builtin_clz(uses - 1);
    return MIN(pool, POOLS - 1);
}

static double weight(const struct model *m)
{
    return (double)MAX(m->reload_us, 1) / (double)MAX(m->bytes, 1);
}

static struct life_outlook look(const struct hazard *h, const struct model *m, uint64_t now_us)
{
    uint64_t idle = now_us > m->last_us ? now_us - m->last_us : 0;
    return life_look(&m->own, &h->pools[m->pool], idle, h->price / weight(m));
}

static double rank(const struct hazard *h, const struct model *m, uint64_t now_us)
{
    return look(h, m, now_us).rate * weight(m);
}

static void hazard_free(struct policy **p)
{
    struct hazard *h = CONTAINER_OF(*p, struct hazard, policy);
    alloc_free(h->models);
    alloc_free(h->residents);
    alloc_free(h);
    *p = NULL;
}

static enum status hazard_reserve(struct policy *p, uint32_t ids)
{
    struct hazard *h = CONTAINER_OF(p, struct hazard, policy);
    if (h->models && ids <= h->ids)
        return OK;
    uint32_t more = MAX(ids, 1);
    enum status s = policy_array(&h->models, h->ids, more, sizeof(*h->models));
    if (s == OK)
        s = policy_array(&h->residents, h->ids, more, sizeof(*h->residents));
    if (s == OK)
        h->ids = more;
    return s;
}

static enum status hazard_create(const struct policy_config *c, struct policy **out)
{
    struct hazard *h = alloc_zero(1, sizeof(*h));
    if (!h)
        return E_NO_MEMORY;
    h->policy.ops = &policy_hazard;
    h->random = c->seed * 0x9e3779b97f4a7c15u | 1;
    for (int i = 0; i < POOLS; i++)
        life_pool_refresh(&h->pools[i]);
    struct policy *p = &h->policy;
    enum status s = hazard_reserve(p, c->ids);
    if (s == OK)
        *out = p;
    else
        hazard_free(&p);
    return s;
}

static void hazard_access(struct policy *p, uint32_t id, uint64_t now_us,
                          const struct policy_meta *meta, bool hit)
{
    struct hazard *h = CONTAINER_OF(p, struct hazard, policy);
    struct model *m = &h->models[id];
    UNUSED(hit);
    if (m->uses) {
        uint64_t idle = now_us > m->last_us ? now_us - m->last_us : 0;
        if (m->censored)
            life_pool_censor(&h->pools[m->pool], m->idle_us, -1);
        life_pool_end(&h->pools[m->pool], idle);
        life_own_add(&m->own, idle);
    }
    m->censored = false;
    m->uses += m->uses < UINT32_MAX;
    m->pool = (uint8_t)pool_of(m->uses);
    m->last_us = now_us;
    h->now_us = MAX(h->now_us, now_us);
    m->reload_us = meta->reload_us;
    if (meta->bytes)
        m->bytes = meta->bytes;
    if (++h->accesses % REFRESH == 0)
        life_pool_refresh(&h->pools[h->accesses / REFRESH % POOLS]);
}

static void hazard_insert(struct policy *p, uint32_t id, uint64_t now_us,
                          const struct policy_meta *meta)
{
    struct hazard *h = CONTAINER_OF(p, struct hazard, policy);
    struct model *m = &h->models[id];
    h->now_us = MAX(h->now_us, now_us);
    m->bytes = meta->bytes;
    m->reload_us = meta->reload_us;
    if (!m->uses) /* loaded for a hint: idle from now on */
        m->last_us = now_us;
    h->residents[h->count++] = id;
    m->place = h->count;
}

static void leave(struct hazard *h, struct model *m)
{
    uint32_t last = h->residents[--h->count];
    h->residents[m->place - 1] = last;
    h->models[last].place = m->place;
    m->place = 0;
}

static void hazard_remove(struct policy *p, uint32_t id, enum policy_why why)
{
    struct hazard *h = CONTAINER_OF(p, struct hazard, policy);
    struct model *m = &h->models[id];
    if (why == POLICY_EVICTED && m->place) {
        h->price += (rank(h, m, h->now_us) - h->price) / 16;
        if (m->uses && !m->censored) {
            m->idle_us = h->now_us - MIN(m->last_us, h->now_us);
            m->censored = true;
            life_pool_censor(&h->pools[m->pool], m->idle_us, 1);
        }
    }
    if (m->place)
        leave(h, m);
    if (why == POLICY_FORGOTTEN)
        memset(m, 0, sizeof(*m));
}

/* Ranks a resident into sample[0..n), lowest first, unless this call looked at it before. */
static size_t consider(struct hazard *h, const struct policy_need *need, uint32_t id, size_t n)
{
    struct model *m = &h->models[id];
    if (m->round == h->round)
        return n;
    m->round = h->round;
    if (need->evictable && !need->evictable(need->arg, id))
        return n;
    struct ranked r = {rank(h, m, need->now_us), id};
    size_t at = n;
    for (; at && (h->sample[at - 1].rank > r.rank ||
                  (h->sample[at - 1].rank == r.rank && h->sample[at - 1].id > id));
         at--)
        h->sample[at] = h->sample[at - 1];
    h->sample[at] = r;
    return n + 1;
}

static size_t take_sample(struct hazard *h, const struct policy_need *need)
{
    size_t n = 0;
    if (need->among) {
        for (size_t i = 0; i < MIN(need->n_among, SCAN_MAX); i++)
            if (h->models[need->among[i]].place)
                n = consider(h, need, need->among[i], n);
        return n;
    }
    if (h->count <= SCAN_MAX) {
        for (uint32_t i = 0; i < h->count; i++)
            n = consider(h, need, h->residents[i], n);
        return n;
    }
    for (int i = 0; i < SAMPLE; i++)
        n = consider(h, need, h->residents[draw(h, h->count)], n);
    /* Most may be pinned or named: then all are looked at in turn, from anywhere. */
    uint32_t from = n < TAKE ? draw(h, h->count) : 0;
    const uint32_t most = need->looks ? need->looks - MIN(need->looks, SAMPLE) : h->count;
    for (uint32_t i = 0; n < TAKE && i < MIN(most, h->count); i++)
        n = consider(h, need, h->residents[(from + i) % h->count], n);
    return n;
}

static size_t hazard_victims(struct policy *p, const struct policy_need *need, uint32_t *out,
                             size_t n)
{
    struct hazard *h = CONTAINER_OF(p, struct hazard, policy);
    const bool whole = need->among || h->count <= SCAN_MAX;
    size_t count = 0, sampled, looked = 0;
    uint64_t have = 0;
    h->round++;
    while (count < n && have < need->bytes && (!need->looks || looked < need->looks) &&
           (sampled = take_sample(h, need)) > 0) {
        size_t most = whole ? sampled : MIN(sampled, TAKE), i = 0;
        looked += SAMPLE;
        for (; i < most && count < n && have < need->bytes; i++) {
            out[count++] = h->sample[i].id;
            have += h->models[h->sample[i].id].bytes;
        }
        for (; i < sampled; i++) /* a later round may look at them again */
            h->models[h->sample[i].id].round = h->round - 1;
    }
    return count;
}

/* What holding it is worth beyond what its bytes would earn otherwise. */
static double worth(const struct hazard *h, const struct model *m, uint64_t now_us)
{
    return look(h, m, now_us).worth * (double)MAX(m->reload_us, 1);
}

static bool hazard_admit(struct policy *p, uint32_t id, uint64_t now_us, const uint32_t *victims,
                         size_t n)
{
    struct hazard *h = CONTAINER_OF(p, struct hazard, policy);
    double gain = worth(h, &h->models[id], now_us), loss = 0;
    for (size_t i = 0; i < n && loss <= gain; i++)
        loss += worth(h, &h->models[victims[i]], now_us);
    return loss <= gain;
}

static size_t hazard_prefetch(struct policy *p, const struct policy_ahead *a, uint32_t *out,
                              size_t n)
{
    struct hazard *h = CONTAINER_OF(p, struct hazard, policy);
    size_t count = 0;
    for (uint32_t i = 0; i < MIN(FORESEE, h->ids); i++) {
        uint32_t id = h->foresee++ % h->ids;
        const struct model *m = &h->models[id];
        if (m->own.total < 4 || (a->absent ? !a->absent(a->arg, id) : m->place != 0))
            continue;
        uint64_t idle = a->now_us > m->last_us ? a->now_us - m->last_us : 0;
        struct ranked r = {life_soon(&m->own, &h->pools[m->pool], idle, a->horizon_us), id};
        size_t at = count;
        if (r.rank < FORESEEN)
            continue;
        for (; at && h->sample[at - 1].rank < r.rank; at--)
            if (at < ARRAY_COUNT(h->sample))
                h->sample[at] = h->sample[at - 1];
        if (at < ARRAY_COUNT(h->sample))
            h->sample[at] = r;
        count = MIN(count + 1, MIN(n, ARRAY_COUNT(h->sample)));
    }
    for (size_t i = 0; i < count; i++)
        out[i] = h->sample[i].id;
    return count;
}

const struct policy_ops policy_hazard = {
    .name = "hazard",
    .looks_cost = true,
    .summary = "each model's own idle times foretell its next invocation; x load cost ÷ bytes",
    .create = hazard_create,
    .free = hazard_free,
    .reserve = hazard_reserve,
    .access = hazard_access,
    .insert = hazard_insert,
    .remove = hazard_remove,
    .victims = hazard_victims,
    .admit = hazard_admit,
    .prefetch = hazard_prefetch,
};
