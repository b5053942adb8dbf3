/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* MatMul with a constant matrix [+ constant row] [+ residual] [-> activation] becomes
 * roost.Linear(X, W, B, sum), whatever X's rank is. The fused node stands where the last of the
 * chain stood, so everything it reads is defined there. A matrix with a bias alone is Gemm's. */
#include "compiler/passes/edit.h"
#include "compiler/passes/passes.h"

struct chain {
    struct node *matmul, *last;
    int32_t bias, sum; /* operands, or ARTIFACT_NO_TENSOR */
    struct act act;
};

static int64_t columns(const struct graph *g, const struct chain *c)
{
    return g->values[c->matmul->in[1]].t.dims[1];
}

/* The Add that alone reads the chain's result and does not widen it, and what it adds. */
static struct node *next_add(const struct view *v, const struct chain *c, int32_t *other)
{
    int32_t cur = c->last->out[0];
    struct node *n = uses_only(v->g, &v->u, cur);
    if (!n || !view_maker(v, n->out[0], "Add") || !probes_same_shape(&v->p, cur, n->out[0]))
        return NULL;
    *other = node_other(n, cur);
    return *other == ARTIFACT_NO_TENSOR ? NULL : n;
}

static enum status follow(const struct view *v, struct chain *c)
{
    int32_t other, row;
    enum status s = OK;
    struct node *n = next_add(v, c, &other);
    if (n && view_row(v, other, columns(v->g, c), &row, &s)) {
        c->bias = row;
        c->last = n;
        n = next_add(v, c, &other);
    }
    if (s == OK && n && !value_is_const(v->g, other) &&
        probes_same_shape(&v->p, other, c->last->out[0])) {
        c->sum = other;
        c->last = n;
    }
    n = uses_only(v->g, &v->u, c->last->out[0]);
    if (s == OK && n && n->in[0] == c->last->out[0] && n->n_out == 1 && act_of(v->g, n, &c->act))
        c->last = n;
    return s;
}

static bool is_linear(const struct view *v, const struct node *n)
{
    return node_is(n, "MatMul") && n->n_in == 2 && value_is_const(v->g, n->in[1]) &&
           v->g->values[n->in[1]].t.rank == 2 && view_is_f32(v, n->in[1]) &&
           view_is_f32(v, n->in[0]) && view_rank(v, n->in[0]) >= 1;
}

static enum status fuse(const struct view *v, struct node *matmul)
{
    struct chain c = {
        .matmul = matmul, .last = matmul, .bias = ARTIFACT_NO_TENSOR, .sum = ARTIFACT_NO_TENSOR};
    enum status s = follow(v, &c);
    if (s != OK || c.last == matmul)
        return s;
    const int32_t in[] = {matmul->in[0], matmul->in[1], c.bias, c.sum};
    uint32_t n_in = c.sum != ARTIFACT_NO_TENSOR ? 4 : c.bias != ARTIFACT_NO_TENSOR ? 3 : 2;
    for (struct node *n = matmul, *next; n != c.last; n = next) {
        next = uses_only(v->g, &v->u, n->out[0]);
        n->dead = true;
    }
    return node_become_fused(v->g, c.last, "Linear", matmul, in, n_in, &c.act);
}

enum status pass_fuse_linear(struct graph *g, struct err *err)
{
    struct view v;
    enum status s = view_init(g, &v, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++)
        if (!g->nodes[i].dead && is_linear(&v, &g->nodes[i]) && (s = fuse(&v, &g->nodes[i])) != OK)
            err_set(err, s, "no memory to fuse MatMul");
    view_fini(&v);
    graph_compact(g);
    return s;
}
