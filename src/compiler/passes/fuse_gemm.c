/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Gemm [+ constant bias] -> activation becomes roost.FusedGemm(A, B, C). */
#include "compiler/passes/edit.h"
#include "compiler/passes/passes.h"

/* The activation that alone reads the Gemm's result, or NULL. */
static struct node *act_after(struct graph *g, const struct uses *u, const struct node *gemm,
                              struct act *act)
{
    struct node *n = uses_only(g, u, gemm->out[0]);
    bool fits = n && n->n_in >= 1 && n->in[0] == gemm->out[0] && n->n_out == 1;
    return fits && act_of(g, n, act) ? n : NULL;
}

/* The float32 kernel is the only fused one. */
static bool is_float(const struct graph *g, const struct node *gemm)
{
    return value_is_const(g, node_in(gemm, 1)) && g->values[gemm->in[1]].t.dtype == DT_F32;
}

enum status pass_fuse_gemm(struct graph *g, struct err *err)
{
    struct uses u;
    enum status s = uses_init(g, &u, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++) {
        struct node *n = &g->nodes[i];
        struct act act;
        struct node *last = node_is(n, "Gemm") && is_float(g, n) ? act_after(g, &u, n, &act) : NULL;
        if (!last)
            continue;
        n->dead = true;
        s = node_become_fused(g, last, "FusedGemm", n, n->in, n->n_in, &act);
        if (s != OK)
            err_set(err, s, "no memory to fuse Gemm");
    }
    uses_fini(&u);
    graph_compact(g);
    return s;
}
