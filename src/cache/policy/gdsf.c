/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* gdsf: GreedyDual-Size-Frequency (Cherkasova, HPL-98-69R1, with the cost of a load as cost). A
 * model's priority is the age of the cache when it was last asked for plus its invocations while
 * resident x reload ÷ bytes; the lowest goes first, and the cache's age becomes its priority. */
#include "base/alloc.h"
#include "cache/policy/policy.h"

struct gdsf_item {
    double priority;
    uint64_t bytes, reload_us;
    uint32_t uses;  /* since it became resident */
    uint32_t place; /* in the heap, from 1; 0: not resident */
};

struct gdsf {
    struct policy policy;
    struct gdsf_item *items; /* heap, per id */
    uint32_t *heap;          /* heap; ids, the lowest priority at [1]; room for ids + 1 */
    uint32_t *aside;         /* heap; ids taken off while victims are named */
    uint32_t ids, count;
    double age;
};

static bool before(const struct gdsf *g, uint32_t a, uint32_t b)
{
    double x = g->items[a].priority, y = g->items[b].priority;
    return x < y || (x == y && a < b);
}

static void put(struct gdsf *g, uint32_t at, uint32_t id)
{
    g->heap[at] = id;
    g->items[id].place = at;
}

static void sift(struct gdsf *g, uint32_t at)
{
    uint32_t id = g->heap[at];
    for (; at > 1 && before(g, id, g->heap[at / 2]); at /= 2)
        put(g, at, g->heap[at / 2]);
    for (uint32_t child; (child = 2 * at) <= g->count; at = child) {
        if (child < g->count && before(g, g->heap[child + 1], g->heap[child]))
            child++;
        if (!before(g, g->heap[child], id))
            break;
        put(g, at, g->heap[child]);
    }
    put(g, at, id);
}

static void heap_add(struct gdsf *g, uint32_t id)
{
    put(g, ++g->count, id);
    sift(g, g->count);
}

static void heap_remove(struct gdsf *g, uint32_t id)
{
    uint32_t at = g->items[id].place, last = g->heap[g->count--];
    g->items[id].place = 0;
    if (last == id)
        return;
    put(g, at, last);
    sift(g, at);
}

static void rank(struct gdsf *g, struct gdsf_item *i)
{
    double bytes = (double)MAX(i->bytes, 1);
    i->priority = g->age + (double)i->uses * (double)MAX(i->reload_us, 1) / bytes;
}

static void gdsf_free(struct policy **p)
{
    struct gdsf *g = CONTAINER_OF(*p, struct gdsf, policy);
    alloc_free(g->items);
    alloc_free(g->heap);
    alloc_free(g->aside);
    alloc_free(g);
    *p = NULL;
}

static enum status gdsf_reserve(struct policy *p, uint32_t ids)
{
    struct gdsf *g = CONTAINER_OF(p, struct gdsf, policy);
    if (g->items && ids <= g->ids)
        return OK;
    uint32_t more = MAX(ids, 1);
    enum status s = policy_array(&g->items, g->ids, more, sizeof(*g->items));
    if (s == OK)
        s = policy_array(&g->heap, g->heap ? g->ids + 1 : 0, more + 1, sizeof(*g->heap));
    if (s == OK)
        s = policy_array(&g->aside, g->ids, more, sizeof(*g->aside));
    if (s == OK)
        g->ids = more;
    return s;
}

static enum status gdsf_create(const struct policy_config *c, struct policy **out)
{
    struct gdsf *g = alloc_zero(1, sizeof(*g));
    if (!g)
        return E_NO_MEMORY;
    g->policy.ops = &policy_gdsf;
    struct policy *p = &g->policy;
    enum status s = gdsf_reserve(p, c->ids);
    if (s == OK)
        *out = p;
    else
        gdsf_free(&p);
    return s;
}

static void gdsf_access(struct policy *p, uint32_t id, uint64_t now_us, const struct policy_meta *m,
                        bool hit)
{
    struct gdsf *g = CONTAINER_OF(p, struct gdsf, policy);
    struct gdsf_item *i = &g->items[id];
    UNUSED(now_us);
    UNUSED(hit);
    if (!i->place)
        return;
    i->reload_us = m->reload_us;
    i->uses++;
    rank(g, i);
    sift(g, i->place);
}

static void gdsf_insert(struct policy *p, uint32_t id, uint64_t now_us, const struct policy_meta *m)
{
    struct gdsf *g = CONTAINER_OF(p, struct gdsf, policy);
    struct gdsf_item *i = &g->items[id];
    UNUSED(now_us);
    i->bytes = m->bytes;
    i->reload_us = m->reload_us;
    i->uses = 1;
    rank(g, i);
    heap_add(g, id);
}

static void gdsf_remove(struct policy *p, uint32_t id, enum policy_why why)
{
    struct gdsf *g = CONTAINER_OF(p, struct gdsf, policy);
    const struct gdsf_item *i = &g->items[id];
    if (!i->place)
        return;
    if (why == POLICY_EVICTED && i->priority > g->age)
        g->age = i->priority;
    heap_remove(g, id);
}

/* The n lowest of those that are given, as far as they are needed. */
static size_t lowest_among(const struct gdsf *g, const struct policy_need *need, uint32_t *out,
                           size_t n)
{
    size_t count = 0, kept = 0;
    uint64_t have = 0;
    for (size_t i = 0; i < need->n_among; i++) {
        const uint32_t id = need->among[i];
        if (!g->items[id].place || (need->evictable && !need->evictable(need->arg, id)) ||
            (count == n && !before(g, id, out[n - 1])))
            continue;
        size_t at = count < n ? count++ : n - 1;
        for (; at && before(g, id, out[at - 1]); at--)
            out[at] = out[at - 1];
        out[at] = id;
    }
    while (kept < count && have < need->bytes)
        have += g->items[out[kept++]].bytes;
    return kept;
}

static size_t gdsf_victims(struct policy *p, const struct policy_need *need, uint32_t *out,
                           size_t n)
{
    struct gdsf *g = CONTAINER_OF(p, struct gdsf, policy);
    size_t count = 0, aside = 0;
    uint64_t have = 0;
    if (need->among)
        return lowest_among(g, need, out, n);
    while (g->count && count < n && have < need->bytes && (!need->looks || aside < need->looks)) {
        uint32_t id = g->heap[1];
        heap_remove(g, id);
        g->aside[aside++] = id;
        if (need->evictable && !need->evictable(need->arg, id))
            continue;
        out[count++] = id;
        have += g->items[id].bytes;
    }
    while (aside)
        heap_add(g, g->aside[--aside]);
    return count;
}

const struct policy_ops policy_gdsf = {
    .name = "gdsf",
    .summary = "GreedyDual-Size-Frequency: invocations x load cost ÷ bytes, ageing",
    .create = gdsf_create,
    .free = gdsf_free,
    .reserve = gdsf_reserve,
    .access = gdsf_access,
    .insert = gdsf_insert,
    .remove = gdsf_remove,
    .victims = gdsf_victims,
};
