/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A Pad with zeros, of spatial dims alone, goes into the Conv or AveragePool after it: a Conv
 * counts what is outside as 0, and an AveragePool does so when it counts padding. */
#include <string.h>

#include "compiler/passes/edit.h"
#include "compiler/passes/passes.h"

enum { SPATIAL_MAX_DIMS = TENSOR_RANK_MAX - 2 };

static bool pads_with_zeros(struct graph *g, const struct node *n)
{
    struct attr_list l = {n->attrs, n->n_attrs};
    const struct attr *mode = attr_find(&l, ATTR_mode);
    double value = 0;
    bool constant = !mode || (mode->type == ATTR_STRING && mode->count == 8 &&
                              memcmp(mode->str, "constant", 8) == 0);
    if (!constant || node_in(n, 3) != ARTIFACT_NO_TENSOR)
        return false;
    if (n->version < 11)
        return node_float(n, ATTR_value, 0) == 0;
    return node_in(n, 2) == ARTIFACT_NO_TENSOR || (value_scalar(g, n->in[2], &value) && value == 0);
}

/* The spatial pads as Conv wants them: all begins, then all ends. */
static bool spatial_pads(struct graph *g, const struct node *n, int rank, int64_t *out)
{
    int64_t pads[2 * TENSOR_RANK_MAX];
    int count;
    if (!node_ints(g, n, ATTR_pads, n->version < 11 ? -1 : 1, pads, ARRAY_COUNT(pads), &count) ||
        count != 2 * rank || rank < 3)
        return false;
    for (int i = 0; i < count; i++)
        if (pads[i] < 0 || pads[i] > INT32_MAX || (i % rank < 2 && pads[i]))
            return false;
    for (int i = 0; i < rank - 2; i++) {
        out[i] = pads[2 + i];
        out[rank - 2 + i] = pads[rank + 2 + i];
    }
    return true;
}

/* What the window pads itself, added to out. False when it pads in another way. */
static bool add_own_pads(struct graph *g, const struct node *n, int rank, int64_t *out)
{
    struct attr_list l = {n->attrs, n->n_attrs};
    const struct attr *how = attr_find(&l, ATTR_auto_pad);
    int64_t own[2 * SPATIAL_MAX_DIMS] = {0};
    int count = 0;
    if (how && (how->type != ATTR_STRING || how->count != 6 || memcmp(how->str, "NOTSET", 6)))
        return false;
    if (attr_find(&l, ATTR_pads) &&
        (!node_ints(g, n, ATTR_pads, -1, own, ARRAY_COUNT(own), &count) || count != 2 * (rank - 2)))
        return false;
    bool any = false;
    for (int i = 0; i < 2 * (rank - 2); i++) {
        any |= own[i] != 0;
        out[i] += own[i];
    }
    bool pool = node_is(n, "AveragePool");
    return !pool ||
           (!node_int(n, ATTR_ceil_mode, 0) && (!any || node_int(n, ATTR_count_include_pad, 0)));
}

static enum status rewrite(const struct view *v, struct node *n, int32_t x, const int64_t *pads,
                           uint32_t count)
{
    bool pool = node_is(n, "AveragePool");
    int64_t *copy = graph_alloc(v->g, count * sizeof(*copy));
    struct attr *attrs = graph_alloc(v->g, (n->n_attrs + 2) * sizeof(*attrs));
    int32_t *in = graph_alloc(v->g, n->n_in * sizeof(*in));
    uint32_t kept = 0;
    if (!copy || !attrs || !in)
        return E_NO_MEMORY;
    memcpy(copy, pads, count * sizeof(*copy));
    for (uint32_t i = 0; i < n->n_attrs; i++)
        if (n->attrs[i].key != ATTR_pads && (!pool || n->attrs[i].key != ATTR_count_include_pad))
            attrs[kept++] = n->attrs[i];
    attrs[kept++] =
        (struct attr){.key = ATTR_pads, .type = ATTR_INTS, .count = count, .ints = copy};
    if (pool)
        attrs[kept++] =
            (struct attr){.key = ATTR_count_include_pad, .type = ATTR_INT, .count = 1, .i = 1};
    memcpy(in, n->in, n->n_in * sizeof(*in));
    in[0] = x;
    n->in = in;
    n->attrs = attrs;
    n->n_attrs = kept;
    if (pool)
        n->version = MAX(n->version, op_version(n->op, 7)); /* the first to count padding */
    return OK;
}

static enum status fold(const struct view *v, struct node *n)
{
    const struct node *pad = view_maker(v, n->in[0], "Pad");
    int64_t pads[2 * SPATIAL_MAX_DIMS];
    int rank = pad ? view_rank(v, pad->in[0]) : -1;
    if (!pad || v->u.count[n->in[0]] != 1 || !view_is_f32(v, pad->in[0]) ||
        !pads_with_zeros(v->g, pad) || !spatial_pads(v->g, pad, rank, pads) ||
        !add_own_pads(v->g, n, rank, pads))
        return OK;
    return rewrite(v, n, pad->in[0], pads, 2 * (uint32_t)(rank - 2));
}

enum status pass_fold_pad(struct graph *g, struct err *err)
{
    struct view v;
    enum status s = view_init(g, &v, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++) {
        struct node *n = &g->nodes[i];
        if ((node_is(n, "Conv") || node_is(n, "AveragePool")) && n->n_in && n->in[0] >= 0 &&
            (s = fold(&v, n)) != OK)
            err_set(err, s, "no memory to fold Pad");
    }
    view_fini(&v);
    return s == OK ? pass_drop_dead(g, err) : s;
}
