/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* MatMul of two matrices followed by Add of a constant row is Gemm: one instruction, whose epilogue
 * can also take an activation. */
#include "compiler/passes/edit.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/shapes.h"

enum { GEMM_OPSET = 13 }; /* the form of Gemm that we write */

/* Is the constant a row of n numbers, [n] or [1,n], of the same dtype as the weights? */
static bool is_row(const struct graph *g, int32_t value, const struct tensor *weights)
{
    if (!value_is_const(g, value))
        return false;
    const struct tensor *t = &g->values[value].t;
    int64_t n = weights->dims[1];
    return t->dtype == weights->dtype && tensor_count(t) == n &&
           ((t->rank == 1 && t->dims[0] == n) || (t->rank == 2 && t->dims[1] == n));
}

/* The bias that `add` adds to `product`, or ARTIFACT_NO_TENSOR. */
static int32_t bias_of(const struct graph *g, const struct node *add, int32_t product,
                       const struct tensor *weights)
{
    if (!node_is(add, "Add") || add->n_in != 2 || add->version < 7)
        return ARTIFACT_NO_TENSOR;
    int32_t other = add->in[0] == product ? add->in[1] : add->in[0];
    return is_row(g, other, weights) ? other : ARTIFACT_NO_TENSOR;
}

static bool is_matrix_product(const struct graph *g, const struct probes *p, const struct node *n)
{
    return node_is(n, "MatMul") && n->n_in == 2 && n->n_out == 1 && value_is_const(g, n->in[1]) &&
           g->values[n->in[1]].t.rank == 2 && g->values[n->in[1]].t.dtype == DT_F32 &&
           p->at[0].t[n->in[0]].rank == 2;
}

static enum status rewrite(struct graph *g, struct node *matmul, struct node *add, int32_t bias)
{
    const struct op *gemm = op_by_name("", "Gemm");
    int32_t *in = graph_alloc(g, 3 * sizeof(*in));
    ASSERT(gemm);
    if (!in)
        return E_NO_MEMORY;
    in[0] = matmul->in[0];
    in[1] = matmul->in[1];
    in[2] = bias;
    add->op = gemm;
    add->version = op_version(gemm, GEMM_OPSET);
    add->in = in;
    add->n_in = 3;
    add->n_attrs = 0;
    matmul->dead = true;
    return OK;
}

enum status pass_matmul_to_gemm(struct graph *g, struct err *err)
{
    struct probes p;
    struct uses u = {0};
    enum status s = probes_infer(g, &p, err);
    if (s != OK)
        return s;
    s = uses_init(g, &u, err);
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++) {
        struct node *n = &g->nodes[i];
        struct node *add = is_matrix_product(g, &p, n) ? uses_only(g, &u, n->out[0]) : NULL;
        if (!add)
            continue;
        int32_t bias = bias_of(g, add, n->out[0], &g->values[n->in[1]].t);
        if (bias != ARTIFACT_NO_TENSOR && (s = rewrite(g, n, add, bias)) != OK)
            err_set(err, s, "no memory to rewrite MatMul");
    }
    uses_fini(&u);
    probes_fini(&p);
    graph_compact(g);
    return s;
}
