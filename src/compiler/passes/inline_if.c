/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* An If whose condition is constant is the branch that it takes: its nodes move to where the If
 * stood, and read what it handed over. A body is first given the constants that its control node
 * would hand over, because they may decide such a condition. What becomes constant on the way is
 * folded at once, and may decide the next: exporters write chains of these, one in the other. */
#include "base/alloc.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rename.h"

enum { IDENTITY_OPSET = 16 };

struct inliner {
    struct graph *g;
    struct renaming r;  /* what stands for formals */
    struct node *nodes; /* heap; what the block will have */
    uint32_t n, cap;
    bool changed;
};

/* ---- constants from the block around ---- */

static const struct node *owner_of(const struct graph *g, uint32_t block)
{
    const struct graph_block around = graph_block_at(g, graph_block_at(g, block).parent);
    for (uint32_t i = 0; i < around.n_nodes; i++) {
        uint32_t bodies[CONTROL_BODIES_MAX];
        for (uint32_t k = node_bodies(&around.nodes[i], bodies); k-- > 0;)
            if (bodies[k] == block)
                return &around.nodes[i];
    }
    return NULL;
}

/* The formals of captures that are constants are these constants; the captures themselves stay
 * until nothing reads them (drop_dead). */
static void take_constants(struct graph *g, struct renaming *r)
{
    const struct node *owner = g->focus ? owner_of(g, g->focus) : NULL;
    const uint32_t n = owner ? (uint32_t)node_int(owner, ATTR_n_captures, 0) : 0;
    for (uint32_t k = 1; k <= n; k++) {
        const int32_t formal = g->inputs[g->n_inputs - k], outer = owner->in[owner->n_in - k];
        if (value_is_const(g, outer))
            r->to[formal] = outer;
    }
    renaming_apply(g, r);
}

/* ---- one branch instead of an If ---- */

static bool is_decided(struct graph *g, const struct node *n, uint32_t *branch)
{
    uint32_t bodies[CONTROL_BODIES_MAX];
    double value;
    if (!node_is(n, "If") || node_bodies(n, bodies) != CONTROL_BODIES_MAX ||
        !value_is_const(g, n->in[0]) || g->values[n->in[0]].t.dtype != DT_BOOL ||
        !value_scalar(g, n->in[0], &value))
        return false;
    *branch = bodies[value != 0 ? 0 : 1];
    return true;
}

static enum status append(struct inliner *in, const struct node *n)
{
    if (in->n == in->cap) {
        const uint32_t cap = in->cap ? in->cap * 2 : 64;
        void *p = alloc_grow(in->nodes, cap * sizeof(*in->nodes));
        if (!p)
            return E_NO_MEMORY;
        in->nodes = p;
        in->cap = cap;
    }
    in->nodes[in->n++] = *n;
    return OK;
}

/* to = Identity(from): the results keep the If's values, which others read. */
static enum status append_result(struct inliner *in, const struct node *n, int32_t from, int32_t to)
{
    const struct op *op = op_by_name("", "Identity");
    int32_t *operands = graph_alloc(in->g, 2 * sizeof(*operands));
    ASSERT(op);
    if (!operands)
        return E_NO_MEMORY;
    operands[0] = from;
    operands[1] = to;
    const struct node identity = {.op = op,
                                  .version = op_version(op, IDENTITY_OPSET),
                                  .name = n->name,
                                  .in = &operands[0],
                                  .out = &operands[1],
                                  .n_in = 1,
                                  .n_out = 1};
    return append(in, &identity);
}

/* The bodies of what moves out of the branch now lie in the block in focus. */
static void adopt_bodies(struct graph *g, const struct node *n)
{
    uint32_t bodies[CONTROL_BODIES_MAX];
    for (uint32_t k = node_bodies(n, bodies); k-- > 0;)
        g->blocks[bodies[k]].parent = g->focus;
}

static enum status take_branch(struct inliner *in, const struct node *n, uint32_t branch)
{
    const struct graph_block b = graph_block_at(in->g, branch);
    enum status s = OK;
    for (uint32_t k = 0; k < b.n_inputs; k++)
        in->r.to[b.inputs[k]] = renaming_of(&in->r, n->in[n->n_in - b.n_inputs + k]);
    for (uint32_t i = 0; s == OK && i < b.n_nodes; i++) {
        if (b.nodes[i].dead)
            continue;
        for (uint32_t k = 0; k < b.nodes[i].n_in; k++)
            b.nodes[i].in[k] = renaming_of(&in->r, b.nodes[i].in[k]);
        adopt_bodies(in->g, &b.nodes[i]);
        s = append(in, &b.nodes[i]);
    }
    for (uint32_t k = 0; s == OK && k < n->n_out; k++)
        if (n->out[k] != ARTIFACT_NO_TENSOR)
            s = append_result(in, n, renaming_of(&in->r, b.outputs[k]), n->out[k]);
    in->changed = true;
    return s;
}

/* Once over the block. */
static enum status inline_all(struct inliner *in)
{
    struct graph *g = in->g;
    enum status s = OK;
    in->changed = false;
    in->n = 0;
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++) {
        uint32_t branch;
        bool decided = is_decided(g, &g->nodes[i], &branch);
        s = decided ? take_branch(in, &g->nodes[i], branch) : append(in, &g->nodes[i]);
    }
    if (s != OK || !in->changed)
        return s;
    alloc_free(g->nodes);
    g->nodes = in->nodes;
    g->n_nodes = in->n;
    g->cap_nodes = in->cap;
    in->nodes = NULL;
    in->cap = 0;
    return OK;
}

static bool any_control(const struct graph *g)
{
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op->flags & OP_CONTROL)
            return true;
    return false;
}

static enum status fold(struct graph *g, struct err *err)
{
    enum status s = pass_drop_identity(g, err);
    if (s == OK)
        s = pass_fold_constants(g, err);
    return s;
}

/* Once, with a renaming that knows the values as they are now. */
static enum status inline_once(struct inliner *in, struct err *err)
{
    enum status s = renaming_init(in->g, &in->r, err);
    if (s != OK)
        return s;
    s = inline_all(in);
    renaming_fini(&in->r);
    if (s != OK)
        return err_set(err, s, "no memory to inline the branches of If");
    return in->changed ? fold(in->g, err) : OK;
}

enum status pass_inline_if(struct graph *g, struct err *err)
{
    struct inliner in = {.g = g};
    enum status s = OK;
    if (g->focus) {
        s = renaming_init(g, &in.r, err);
        if (s != OK)
            return s;
        take_constants(g, &in.r);
        renaming_fini(&in.r);
        s = fold(g, err);
    }
    do {
        in.changed = false;
        if (s == OK && any_control(g))
            s = inline_once(&in, err); /* each time there is one If less */
    } while (s == OK && in.changed);
    alloc_free(in.nodes);
    return s;
}
