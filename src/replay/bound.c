/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The lower bound; see replay_priv.h. */
#include <stdlib.h>

#include "base/alloc.h"
#include "replay/replay_priv.h"

enum status bound_reserve(struct bound *b, uint32_t ids)
{
    enum status s = ids > b->ids ? policy_array(&b->models, b->ids, ids, sizeof(*b->models)) : OK;
    if (s == OK && ids > b->ids)
        b->ids = ids;
    return s;
}

enum status bound_access(struct bound *b, const struct trace_record *r, uint64_t at,
                         uint64_t memory_bytes)
{
    struct bound_model *m = &b->models[r->id];
    struct bound_model before = *m;
    *m = (struct bound_model){r->bytes, at};
    if (!before.at || before.bytes != r->bytes || r->bytes > memory_bytes)
        return OK;
    if (b->count == b->cap) {
        size_t cap = b->cap ? b->cap + b->cap / 2 : 4096;
        struct interval *more = alloc_grow(b->intervals, cap * sizeof(*more));
        if (!more)
            return E_NO_MEMORY;
        b->intervals = more;
        b->cap = cap;
    }
    b->intervals[b->count++] = (struct interval){r->bytes, r->load_us, r->tenant, at - before.at};
    return OK;
}

static double cost(const struct interval *i)
{
    return (double)i->bytes * (double)i->length;
}

/* Those that earn most per cost first. */
static int compare(const void *x, const void *y)
{
    const struct interval *a = x, *b = y;
    double l = (double)a->load_us * cost(b), r = (double)b->load_us * cost(a);
    return (l < r) - (l > r);
}

void bound_take(struct bound *b, uint64_t memory_bytes, uint64_t requests, bound_hit_fn *hit,
                void *arg)
{
    double left = (double)memory_bytes * (double)requests;
    if (b->count)
        qsort(b->intervals, b->count, sizeof(*b->intervals), compare);
    for (size_t i = 0; i < b->count && left > 0; i++) {
        double c = cost(&b->intervals[i]);
        hit(arg, &b->intervals[i], c <= left ? 1 : left / c);
        left -= c;
    }
}

void bound_fini(struct bound *b)
{
    alloc_free(b->intervals);
    alloc_free(b->models);
}
