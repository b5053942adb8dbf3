/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Chains of renamed values are followed, never cyclic: a value is renamed at most once, to one that
 * was defined before it. */
#include "compiler/passes/rename.h"

#include "base/alloc.h"

enum status renaming_init(const struct graph *g, struct renaming *r, struct err *err)
{
    *r = (struct renaming){.to = alloc_zero(g->n_values, sizeof(*r->to)),
                           .is_output = alloc_zero(g->n_values, sizeof(*r->is_output))};
    enum status s = r->to && r->is_output ? uses_init(g, &r->u, err)
                                          : err_set(err, E_NO_MEMORY, "no memory to rename values");
    if (s != OK) {
        renaming_fini(r);
        return s;
    }
    for (uint32_t i = 0; i < g->n_values; i++)
        r->to[i] = (int32_t)i;
    for (uint32_t i = 0; g->focus == 0 && i < g->n_outputs; i++)
        r->is_output[g->outputs[i]] = true;
    return OK;
}

void renaming_fini(struct renaming *r)
{
    uses_fini(&r->u);
    alloc_free(r->to);
    alloc_free(r->is_output);
    *r = (struct renaming){.to = NULL};
}

int32_t renaming_of(const struct renaming *r, int32_t v)
{
    while (v != ARTIFACT_NO_TENSOR && r->to[v] != v)
        v = r->to[v];
    return v;
}

/* Lets the producer of `from` write `to` instead. */
static bool take_over(struct graph *g, struct renaming *r, int32_t from, int32_t to)
{
    int32_t maker = r->u.producer[from];
    if (r->is_output[from] || maker == NO_NODE || g->nodes[maker].dead)
        return false;
    struct node *n = &g->nodes[maker];
    for (uint32_t i = 0; i < n->n_out; i++)
        if (n->out[i] == from)
            n->out[i] = to;
    r->u.producer[to] = maker;
    r->to[from] = to;
    return true;
}

void renaming_drop(struct graph *g, struct renaming *r, struct node *n, int32_t from)
{
    int32_t to = n->out[0];
    from = renaming_of(r, from);
    if (!r->is_output[to]) {
        r->to[to] = from;
        n->dead = true;
    } else if (take_over(g, r, from, to)) {
        n->dead = true;
    }
}

void renaming_apply(struct graph *g, const struct renaming *r)
{
    for (uint32_t i = 0; i < g->n_nodes; i++)
        for (uint32_t k = 0; k < g->nodes[i].n_in; k++)
            g->nodes[i].in[k] = renaming_of(r, g->nodes[i].in[k]);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        g->outputs[i] = renaming_of(r, g->outputs[i]);
    graph_compact(g);
}
