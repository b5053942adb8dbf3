/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* lru: the longest unused goes first, whatever it weighs and costs. */
#include "base/alloc.h"
#include "cache/policy/policy.h"
#include "cache/policy/ring.h"

struct recency {
    struct policy policy;
    struct ring ring;
    uint64_t *bytes; /* heap, per id; of residents */
};

static void recency_free(struct policy **p)
{
    struct recency *r = CONTAINER_OF(*p, struct recency, policy);
    ring_fini(&r->ring);
    alloc_free(r->bytes);
    alloc_free(r);
    *p = NULL;
}

static enum status recency_reserve(struct policy *p, uint32_t ids)
{
    struct recency *r = CONTAINER_OF(p, struct recency, policy);
    enum status s = OK;
    if (ids > r->ring.ids)
        s = policy_array(&r->bytes, r->ring.ids, ids, sizeof(*r->bytes));
    return s == OK ? ring_reserve(&r->ring, ids) : s;
}

static enum status recency_create(const struct policy_config *c, struct policy **out)
{
    struct recency *r = alloc_zero(1, sizeof(*r));
    if (!r)
        return E_NO_MEMORY;
    r->policy.ops = &policy_lru;
    struct policy *p = &r->policy;
    enum status s = recency_reserve(p, c->ids);
    if (s == OK)
        *out = p;
    else
        recency_free(&p);
    return s;
}

static void recency_access(struct policy *p, uint32_t id, uint64_t now_us,
                           const struct policy_meta *m, bool hit)
{
    struct recency *r = CONTAINER_OF(p, struct recency, policy);
    UNUSED(now_us);
    UNUSED(m);
    UNUSED(hit);
    if (!ring_has(&r->ring, id))
        return;
    ring_remove(&r->ring, id);
    ring_add(&r->ring, id);
}

static void recency_insert(struct policy *p, uint32_t id, uint64_t now_us,
                           const struct policy_meta *m)
{
    struct recency *r = CONTAINER_OF(p, struct recency, policy);
    UNUSED(now_us);
    r->bytes[id] = m->bytes;
    if (m->cold)
        ring_sink(&r->ring, id);
    else
        ring_add(&r->ring, id);
}

static void recency_remove(struct policy *p, uint32_t id, enum policy_why why)
{
    struct recency *r = CONTAINER_OF(p, struct recency, policy);
    UNUSED(why);
    if (ring_has(&r->ring, id))
        ring_remove(&r->ring, id);
}

static size_t first_among(const struct recency *r, const struct policy_need *need, uint32_t *out,
                          size_t n)
{
    size_t count = 0;
    uint64_t have = 0;
    for (size_t i = 0; i < need->n_among && count < n && have < need->bytes; i++) {
        const uint32_t id = need->among[i];
        if (!ring_has(&r->ring, id) || (need->evictable && !need->evictable(need->arg, id)))
            continue;
        out[count++] = id;
        have += r->bytes[id];
    }
    return count;
}

static size_t recency_victims(struct policy *p, const struct policy_need *need, uint32_t *out,
                              size_t n)
{
    const struct recency *r = CONTAINER_OF(p, struct recency, policy);
    size_t count = 0, looked = 0;
    uint64_t have = 0;
    if (need->among)
        return first_among(r, need, out, n);
    uint32_t id = ring_next(&r->ring, RING_NONE);
    for (; id != RING_NONE && count < n && have < need->bytes; id = ring_next(&r->ring, id)) {
        if (need->looks && looked++ == need->looks)
            break;
        if (need->evictable && !need->evictable(need->arg, id))
            continue;
        out[count++] = id;
        have += r->bytes[id];
    }
    return count;
}

const struct policy_ops policy_lru = {
    .name = "lru",
    .summary = "the longest unused goes first",
    .create = recency_create,
    .free = recency_free,
    .reserve = recency_reserve,
    .access = recency_access,
    .insert = recency_insert,
    .remove = recency_remove,
    .victims = recency_victims,
};
