/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Walks the nodes backwards from the outputs: what nothing live reads is dropped, and an optional
 * output that nothing reads is left out, so that no kernel computes it. Output 0 stays: many
 * operators cannot do without it. So do all outputs of operators that may have any number of them
 * (Split): there the number itself says what is computed. What a control node hands to its bodies
 * and none of them reads is no operand of it any more. */
#include <string.h>

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
    const bool control = n->op->flags & OP_CONTROL;
    if (n->op->out_max == OP_OUTPUTS_MAX && !control)
        return;
    for (uint32_t i = 1; i < n->n_out; i++)
        if (n->out[i] != ARTIFACT_NO_TENSOR && !live[n->out[i]])
            n->out[i] = ARTIFACT_NO_TENSOR;
    while (!control && n->n_out > n->op->out_min && n->out[n->n_out - 1] == ARTIFACT_NO_TENSOR)
        n->n_out--;
}

static bool reads(const struct graph_block *b, int32_t value)
{
    for (uint32_t i = 0; i < b->n_nodes; i++)
        for (uint32_t k = 0; k < b->nodes[i].n_in; k++)
            if (b->nodes[i].in[k] == value)
                return true;
    for (uint32_t i = 0; i < b->n_outputs; i++)
        if (b->outputs[i] == value)
            return true;
    return false;
}

/* Takes out input k, counted from the end. */
static void drop_input(struct graph *g, uint32_t block, uint32_t k)
{
    const uint32_t before = graph_focus(g, block);
    const uint32_t at = g->n_inputs - k;
    memmove(&g->inputs[at], &g->inputs[at + 1], (g->n_inputs - at - 1) * sizeof(g->inputs[0]));
    g->n_inputs--;
    graph_focus(g, before);
}

/* Captures stand last among a control node's operands and its bodies' inputs, in the same order. */
static void drop_captures(struct graph *g, struct node *n)
{
    uint32_t bodies[CONTROL_BODIES_MAX];
    const uint32_t n_bodies = node_bodies(n, bodies);
    struct attr *count = NULL;
    for (uint32_t i = 0; i < n->n_attrs; i++)
        if (n->attrs[i].key == ATTR_n_captures)
            count = &n->attrs[i];
    for (uint32_t k = n_bodies && count ? (uint32_t)count->i : 0; k > 0; k--) {
        bool read = false;
        for (uint32_t i = 0; i < n_bodies; i++) {
            const struct graph_block b = graph_block_at(g, bodies[i]);
            read |= reads(&b, b.inputs[b.n_inputs - k]);
        }
        if (read)
            continue;
        const uint32_t at = n->n_in - k;
        memmove(&n->in[at], &n->in[at + 1], (n->n_in - at - 1) * sizeof(n->in[0]));
        n->n_in--;
        count->i--;
        for (uint32_t i = 0; i < n_bodies; i++)
            drop_input(g, bodies[i], k);
    }
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
        if (!n->dead)
            drop_captures(g, n);
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
