/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Conv [+ constant bias] [+ residual] [-> activation] becomes roost.FusedConv(X, W, B, sum): the
 * epilogue runs on the output while it is in cache, and the values in between need no memory. The
 * fused node stands where the last of the chain stood, so everything it reads is defined there. */
#include <string.h>

#include "compiler/passes/edit.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/shapes.h"

/* A chain that begins with a Conv, while it is followed. */
struct chain {
    struct node *conv;
    struct node *last; /* whose output the fused node writes */
    int32_t bias, sum; /* operands, or ARTIFACT_NO_TENSOR */
    struct act act;
};

/* The operand of an Add of two that is not `mine`. */
static int32_t other_operand(const struct node *add, int32_t mine)
{
    if (!node_is(add, "Add") || add->n_in != 2 || add->version < 7 || add->in[0] == add->in[1])
        return ARTIFACT_NO_TENSOR;
    return add->in[0] == mine ? add->in[1] : add->in[0];
}

/* A constant [M,1,..] or [1,M,1,..] against outputs of rank `rank`: one number per channel. */
static bool is_channel_bias(const struct graph *g, int32_t value, int64_t channels, int rank)
{
    if (!value_is_const(g, value))
        return false;
    const struct tensor *t = &g->values[value].t;
    int at = t->rank - rank + 1; /* the channel axis, counted in t's own dims */
    return t->dtype == DT_F32 && at >= 0 && t->rank <= rank && t->dims[at] == channels &&
           tensor_count(t) == channels;
}

/* The same numbers as a vector, as Conv's bias is one. */
static enum status as_vector(struct graph *g, int32_t *value, int64_t channels)
{
    struct tensor t = g->values[*value].t;
    t.rank = 1;
    t.dims[0] = channels;
    return graph_const(g, g->values[*value].name, &t, value);
}

static bool follow_bias(struct graph *g, const struct uses *u, struct chain *c, enum status *s)
{
    struct node *add = uses_only(g, u, c->last->out[0]);
    const struct tensor *w = &g->values[c->conv->in[1]].t;
    if (!add || c->bias != ARTIFACT_NO_TENSOR || !value_is_const(g, c->conv->in[1]))
        return false;
    int32_t other = other_operand(add, c->last->out[0]);
    if (other == ARTIFACT_NO_TENSOR || !is_channel_bias(g, other, w->dims[0], w->rank))
        return false;
    *s = as_vector(g, &other, w->dims[0]);
    c->bias = other;
    c->last = add;
    return true;
}

static bool follow_sum(const struct graph *g, const struct uses *u, const struct probes *p,
                       struct chain *c)
{
    struct node *add = uses_only(g, u, c->last->out[0]);
    int32_t other = add ? other_operand(add, c->last->out[0]) : ARTIFACT_NO_TENSOR;
    if (other == ARTIFACT_NO_TENSOR || value_is_const(g, other) ||
        !probes_same_shape(p, other, c->last->out[0]))
        return false;
    c->sum = other;
    c->last = add;
    return true;
}

static void follow_act(struct graph *g, const struct uses *u, struct chain *c)
{
    struct node *n = uses_only(g, u, c->last->out[0]);
    if (n && n->in[0] == c->last->out[0] && n->n_out == 1 && act_of(g, n, &c->act))
        c->last = n;
}

/* All nodes of the chain but the last, which becomes the fused one, are dead. */
static void bury(struct graph *g, const struct uses *u, const struct chain *c)
{
    for (struct node *n = c->conv; n != c->last; n = uses_only(g, u, n->out[0]))
        n->dead = true;
}

static enum status fuse(struct graph *g, const struct uses *u, struct chain *c)
{
    if (c->last == c->conv)
        return OK;
    int32_t in[4] = {c->conv->in[0], c->conv->in[1], c->bias, c->sum};
    uint32_t n_in = c->sum != ARTIFACT_NO_TENSOR ? 4 : c->bias != ARTIFACT_NO_TENSOR ? 3 : 2;
    bury(g, u, c);
    return node_become_fused(g, c->last, "FusedConv", c->conv, in, n_in, &c->act);
}

enum status pass_fuse_conv(struct graph *g, struct err *err)
{
    struct probes p;
    struct uses u = {0};
    enum status s = probes_infer(g, &p, err);
    if (s != OK)
        return s;
    s = uses_init(g, &u, err);
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++) {
        struct node *n = &g->nodes[i];
        if (n->dead || !node_is(n, "Conv") || n->n_in < 2 || p.at[0].t[n->out[0]].dtype != DT_F32)
            continue;
        struct chain c = {n, n, node_in(n, 2), ARTIFACT_NO_TENSOR, {ACT_NONE, 0, 0}};
        follow_bias(g, &u, &c, &s);
        if (s == OK)
            follow_sum(g, &u, &p, &c);
        follow_act(g, &u, &c);
        if (s == OK)
            s = fuse(g, &u, &c);
        if (s != OK)
            err_set(err, s, "no memory to fuse Conv");
    }
    uses_fini(&u);
    probes_fini(&p);
    graph_compact(g);
    return s;
}
