/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Walks the nodes backwards from the outputs: what nothing live reads is dropped, and an optional
 * output that nothing reads is left out, so that no kernel computes it. Output 0 stays: many
 * operators cannot do without it. So do all outputs of operators that may have any number of them
 * (Split): there the number itself says what is computed. */
#include "base/alloc.h"
#include "compiler/passes/passes.h"

static bool any_live(const bool *live, const struct node *n)
{
    for (uint32_t i = 0; i < n->n_out; i++)
        if (n->out[i] != ARTIFACT_NO_TENSOR && live[n->out[i]])
            return true;
    return false;
}

static void leave_out_unread(const bool *live, struct node *n)
{
    if (n->op->out_max == OP_OUTPUTS_MAX)
        return;
    for (uint32_t i = 1; i < n->n_out; i++)
        if (n->out[i] != ARTIFACT_NO_TENSOR && !live[n->out[i]])
            n->out[i] = ARTIFACT_NO_TENSOR;
    while (n->n_out > n->op->out_min && n->out[n->n_out - 1] == ARTIFACT_NO_TENSOR)
        n->n_out--;
}

enum status pass_drop_dead(struct graph *g, struct err *err)
{
    bool *live = alloc_zero(g->n_values, sizeof(*live));
    if (!live)
        return err_set(err, E_NO_MEMORY, "no memory to look for dead nodes");
    for (uint32_t i = 0; i < g->n_outputs; i++)
        live[g->outputs[i]] = true;
    for (uint32_t i = g->n_nodes; i-- > 0;) {
        struct node *n = &g->nodes[i];
        n->dead |= !any_live(live, n);
        for (uint32_t k = 0; k < n->n_in && !n->dead; k++)
            if (n->in[k] != ARTIFACT_NO_TENSOR)
                live[n->in[k]] = true;
        if (!n->dead)
            leave_out_unread(live, n);
    }
    alloc_free(live);
    graph_compact(g);
    return OK;
}
