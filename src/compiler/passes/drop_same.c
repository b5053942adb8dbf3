/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What gives the dtype and the shape that it was given, at every size that is tried, and keeps the
 * elements in order, is taken out: Cast, Reshape, Flatten, Squeeze, Expand, Tile. */
#include "compiler/passes/passes.h"
#include "compiler/passes/rename.h"
#include "compiler/passes/shapes.h"

static bool keeps_order(const struct node *n)
{
    static const char *const names[] = {"Cast",    "CastLike", "Reshape", "Flatten",
                                        "Squeeze", "Expand",   "Tile"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (node_is(n, names[i]))
            return n->n_in >= 1 && n->n_out == 1 && n->in[0] >= 0 && n->out[0] >= 0;
    return false;
}

static bool gives_the_same(const struct probes *p, const struct node *n)
{
    return keeps_order(n) && probes_same_shape(p, n->in[0], n->out[0]) &&
           p->at[0].t[n->in[0]].dtype == p->at[0].t[n->out[0]].dtype;
}

enum status pass_drop_same(struct graph *g, struct err *err)
{
    struct renaming r;
    struct probes p;
    enum status s = probes_infer(g, &p, err);
    if (s != OK)
        return s;
    s = renaming_init(g, &r, err);
    if (s == OK) {
        for (uint32_t i = 0; i < g->n_nodes; i++)
            if (gives_the_same(&p, &g->nodes[i]))
                renaming_drop(g, &r, &g->nodes[i], g->nodes[i].in[0]);
        renaming_apply(g, &r);
        renaming_fini(&r);
    }
    probes_fini(&p);
    return s;
}
