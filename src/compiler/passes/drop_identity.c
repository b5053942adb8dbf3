/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Identity and Dropout (which does nothing when a model is used) are taken out by letting their
 * readers read the operand. A graph output keeps its own value, for its name: there the operand's
 * producer writes the output's value instead, and where it cannot (the operand is an input, a
 * constant or an output itself) the node stays. */
#include "base/alloc.h"
#include "compiler/passes/edit.h"
#include "compiler/passes/passes.h"

struct renaming {
    struct uses u;
    int32_t *to;     /* heap; value that stands for each value */
    bool *is_output; /* heap */
};

static int32_t resolve(const struct renaming *r, int32_t v)
{
    while (v != ARTIFACT_NO_TENSOR && r->to[v] != v)
        v = r->to[v];
    return v;
}

static bool read_beyond_first(const struct renaming *r, const struct node *n)
{
    for (uint32_t i = 1; i < n->n_out; i++)
        if (n->out[i] != ARTIFACT_NO_TENSOR && r->u.count[n->out[i]])
            return true;
    return false;
}

/* Dropout in training is not what anyone serves, but it must not silently become Identity. */
static bool trains(struct graph *g, const struct node *n)
{
    double mode = 1;
    if (n->version < 7)
        return !node_int(n, ATTR_is_test, 0);
    int32_t v = node_in(n, 2);
    return v != ARTIFACT_NO_TENSOR && (!value_scalar(g, v, &mode) || mode != 0);
}

static bool does_nothing(struct graph *g, const struct renaming *r, const struct node *n)
{
    if (n->n_in < 1 || n->n_out < 1 || n->in[0] < 0 || n->out[0] < 0)
        return false;
    if (node_is(n, "Identity"))
        return true;
    return node_is(n, "Dropout") && !trains(g, n) && !read_beyond_first(r, n);
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

static void drop_all(struct graph *g, struct renaming *r)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        struct node *n = &g->nodes[i];
        if (n->dead || !does_nothing(g, r, n))
            continue;
        int32_t from = resolve(r, n->in[0]), to = n->out[0];
        if (!r->is_output[to]) {
            r->to[to] = from;
            n->dead = true;
        } else if (take_over(g, r, from, to)) {
            n->dead = true;
        }
    }
    for (uint32_t i = 0; i < g->n_nodes; i++)
        for (uint32_t k = 0; k < g->nodes[i].n_in; k++)
            g->nodes[i].in[k] = resolve(r, g->nodes[i].in[k]);
    graph_compact(g);
}

enum status pass_drop_identity(struct graph *g, struct err *err)
{
    struct renaming r = {.to = alloc_zero(g->n_values, sizeof(*r.to)),
                         .is_output = alloc_zero(g->n_values, sizeof(*r.is_output))};
    enum status s = r.to && r.is_output
                        ? uses_init(g, &r.u, err)
                        : err_set(err, E_NO_MEMORY, "no memory to remove identities");
    if (s == OK) {
        for (uint32_t i = 0; i < g->n_values; i++)
            r.to[i] = (int32_t)i;
        for (uint32_t i = 0; i < g->n_outputs; i++)
            r.is_output[g->outputs[i]] = true;
        drop_all(g, &r);
    }
    uses_fini(&r.u);
    alloc_free(r.to);
    alloc_free(r.is_output);
    return s;
}
