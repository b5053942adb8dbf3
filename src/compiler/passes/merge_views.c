/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Shapes on shapes: of a chain of Reshape, Flatten, Squeeze and Unsqueeze the last one counts,
 * since none of them moves an element.
 *   - A chain that ends in a shape that it had before is no chain: its readers read that value.
 *   - A Reshape whose target is constant and copies no dim reads the chain's first value. */
#include "compiler/passes/passes.h"
#include "compiler/passes/rename.h"
#include "compiler/passes/shapes.h"

enum { CHAIN_MAX = 16 };

static bool is_view(const struct node *n)
{
    static const char *const names[] = {"Reshape", "Flatten", "Squeeze", "Unsqueeze"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (node_is(n, names[i]))
            return !n->dead && n->n_in >= 1 && n->n_out == 1 && n->in[0] >= 0 && n->out[0] >= 0;
    return false;
}

/* What the view that makes the value looks at, or ARTIFACT_NO_TENSOR. */
static int32_t before(const struct graph *g, const struct renaming *r, int32_t value)
{
    int32_t maker = r->u.producer[value];
    bool view = maker != NO_NODE && is_view(&g->nodes[maker]) && g->nodes[maker].out[0] == value;
    return view ? g->nodes[maker].in[0] : ARTIFACT_NO_TENSOR;
}

/* Is the target known, and without a 0 that copies the operand's dim? */
static bool target_stands_alone(struct graph *g, const struct node *n)
{
    int64_t dims[TENSOR_RANK_MAX];
    int count;
    if (!node_is(n, "Reshape") ||
        !node_ints(g, n, ATTR_shape, n->version < 5 ? -1 : 1, dims, ARRAY_COUNT(dims), &count))
        return false;
    for (int i = 0; i < count; i++)
        if (dims[i] == 0 && !node_int(n, ATTR_allowzero, 0))
            return false;
    return true;
}

static void merge(struct graph *g, struct renaming *r, const struct probes *p, struct node *n)
{
    int32_t first = n->in[0];
    for (int i = 0; i < CHAIN_MAX; i++) {
        int32_t next = before(g, r, first);
        if (next == ARTIFACT_NO_TENSOR)
            break;
        first = next;
        if (probes_same_shape(p, first, n->out[0])) {
            renaming_drop(g, r, n, first);
            return;
        }
    }
    if (target_stands_alone(g, n))
        n->in[0] = first;
}

enum status pass_merge_views(struct graph *g, struct err *err)
{
    struct renaming r;
    struct probes p;
    enum status s = probes_infer(g, &p, err);
    if (s != OK)
        return s;
    s = renaming_init(g, &r, err);
    if (s == OK) {
        for (uint32_t i = 0; i < g->n_nodes; i++)
            if (is_view(&g->nodes[i]))
                merge(g, &r, &p, &g->nodes[i]);
        renaming_apply(g, &r);
        renaming_fini(&r);
    }
    probes_fini(&p);
    return s == OK ? pass_drop_dead(g, err) : s;
}
