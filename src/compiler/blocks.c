/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The blocks of a graph. What the one in focus has stands in the graph itself; the others wait in
 * g->blocks. A body's number is always above that of the block around it, so that one walk by
 * rising numbers meets every block after the one that uses it. */
#include "base/alloc.h"
#include "compiler/graph.h"

static struct graph_block focused(const struct graph *g)
{
    return (struct graph_block){.nodes = g->nodes,
                                .n_nodes = g->n_nodes,
                                .cap_nodes = g->cap_nodes,
                                .inputs = g->inputs,
                                .outputs = g->outputs,
                                .declared = g->declared,
                                .n_inputs = g->n_inputs,
                                .n_outputs = g->n_outputs,
                                .cap_inputs = g->cap_inputs,
                                .cap_outputs = g->cap_outputs,
                                .cap_declared = g->cap_declared,
                                .parent = g->parent};
}

struct graph_block graph_block_at(const struct graph *g, uint32_t block)
{
    ASSERT(block < g->n_blocks);
    return block == g->focus ? focused(g) : g->blocks[block];
}

uint32_t graph_focus(struct graph *g, uint32_t block)
{
    const uint32_t before = g->focus;
    ASSERT(block < g->n_blocks);
    if (block == before)
        return before;
    g->blocks[before] = focused(g);
    const struct graph_block *b = &g->blocks[block];
    g->nodes = b->nodes;
    g->n_nodes = b->n_nodes;
    g->cap_nodes = b->cap_nodes;
    g->inputs = b->inputs;
    g->outputs = b->outputs;
    g->declared = b->declared;
    g->n_inputs = b->n_inputs;
    g->n_outputs = b->n_outputs;
    g->cap_inputs = b->cap_inputs;
    g->cap_outputs = b->cap_outputs;
    g->cap_declared = b->cap_declared;
    g->parent = b->parent;
    g->focus = block;
    return before;
}

uint32_t node_bodies(const struct node *n, uint32_t bodies[CONTROL_BODIES_MAX])
{
    const struct attr_list l = {n->attrs, n->n_attrs};
    uint32_t count = 0;
    for (const enum attr_key *k = control_body_keys(n->op); *k != ATTR_NONE; k++) {
        const struct attr *a = attr_find(&l, *k);
        if (a && a->type == ATTR_INT)
            bodies[count++] = (uint32_t)a->i;
    }
    return count;
}

static void mark_bodies(const struct graph *g, uint32_t block, bool *live)
{
    const struct graph_block b = graph_block_at(g, block);
    for (uint32_t i = 0; i < b.n_nodes; i++) {
        uint32_t bodies[CONTROL_BODIES_MAX];
        for (uint32_t k = b.nodes[i].dead ? 0 : node_bodies(&b.nodes[i], bodies); k-- > 0;) {
            ASSERT(bodies[k] > block && bodies[k] < g->n_blocks);
            live[bodies[k]] = true;
        }
    }
}

enum status graph_live_blocks(const struct graph *g, uint32_t **blocks, uint32_t *n)
{
    bool *live = alloc_zero(g->n_blocks, sizeof(*live));
    uint32_t *list = alloc_zero(g->n_blocks, sizeof(*list));
    if (!live || !list) {
        alloc_free(live);
        alloc_free(list);
        return E_NO_MEMORY;
    }
    live[0] = true;
    *n = 0;
    for (uint32_t i = 0; i < g->n_blocks; i++)
        if (live[i]) {
            list[(*n)++] = i;
            mark_bodies(g, i, live);
        }
    alloc_free(live);
    *blocks = list;
    return OK;
}

enum status graph_each_block(struct graph *g, graph_block_fn *fn, struct err *err)
{
    bool *live = alloc_zero(g->n_blocks, sizeof(*live));
    enum status s = OK;
    if (!live)
        return err_set(err, E_NO_MEMORY, "no memory to walk %u blocks", g->n_blocks);
    live[0] = true;
    for (uint32_t i = 0; s == OK && i < g->n_blocks; i++) {
        if (!live[i])
            continue;
        graph_focus(g, i);
        s = fn(g, err);
        mark_bodies(g, i, live);
    }
    graph_focus(g, 0);
    alloc_free(live);
    return s;
}
