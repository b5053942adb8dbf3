/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What changes nothing, as its own attributes and constants say, is taken out: Identity, Dropout
 * (which does nothing when a model is used), a Transpose that leaves every dim in its place, a
 * Concat or Sum of one, a Pad by nothing. No shape is inferred, so that a model may hold such nodes
 * in forms that nothing here could run. */

#include "compiler/passes/passes.h"
#include "compiler/passes/rename.h"

static bool read_beyond_first(const struct renaming *r, const struct node *n)
{
    for (uint32_t i = 1; i < n->n_out; i++)
        if (n->out[i] != ARTIFACT_NO_TENSOR && r->u.count[n->out[i]])
            return true;
    return false;
}

/* Dropout in training is not what anyone serves, but it must not silently become Identity; at
 * ratio 0 it drops nothing, and frameworks do write it so. */
static bool trains(struct graph *g, const struct node *n)
{
    double mode = 1, ratio = 0.5;
    if (n->version < 7)
        return !node_int(n, ATTR_is_test, 0);
    int32_t v = node_in(n, 2), r = node_in(n, 1);
    if (v == ARTIFACT_NO_TENSOR || (value_scalar(g, v, &mode) && mode == 0))
        return false;
    return r == ARTIFACT_NO_TENSOR || !value_scalar(g, r, &ratio) || ratio != 0;
}

/* Is every pad 0? Before version 11 the pads are an attribute. */
static bool pads_nothing(struct graph *g, const struct node *n)
{
    int64_t pads[2 * TENSOR_RANK_MAX];
    int count = 0;
    if (!node_ints(g, n, ATTR_pads, n->version < 11 ? -1 : 1, pads, ARRAY_COUNT(pads), &count) ||
        (n->n_in > 3 && n->in[3] != ARTIFACT_NO_TENSOR))
        return false;
    for (int i = 0; i < count; i++)
        if (pads[i])
            return false;
    return true;
}

static bool permutes_nothing(const struct node *n)
{
    struct attr_list l = {n->attrs, n->n_attrs};
    const struct attr *perm = attr_find(&l, ATTR_perm);
    if (!perm || perm->type != ATTR_INTS)
        return false;
    for (uint32_t i = 0; i < perm->count; i++)
        if (perm->ints[i] != (int64_t)i)
            return false;
    return true;
}

static bool joins_one(const struct node *n)
{
    static const char *const joiners[] = {"Concat", "Sum", "Mean", "Max", "Min"};
    for (size_t i = 0; n->n_in == 1 && i < ARRAY_COUNT(joiners); i++)
        if (node_is(n, joiners[i]))
            return true;
    return false;
}

static bool does_nothing(struct graph *g, const struct renaming *r, const struct node *n)
{
    if (n->n_in < 1 || n->n_out < 1 || n->in[0] < 0 || n->out[0] < 0)
        return false;
    if (node_is(n, "Dropout"))
        return !trains(g, n) && !read_beyond_first(r, n);
    return node_is(n, "Identity") || joins_one(n) ||
           (node_is(n, "Transpose") && permutes_nothing(n)) ||
           (node_is(n, "Pad") && pads_nothing(g, n));
}

enum status pass_drop_identity(struct graph *g, struct err *err)
{
    struct renaming r;
    enum status s = renaming_init(g, &r, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (does_nothing(g, &r, &g->nodes[i]))
            renaming_drop(g, &r, &g->nodes[i], g->nodes[i].in[0]);
    renaming_apply(g, &r);
    renaming_fini(&r);
    return OK;
}
