/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Computes, once and for all, what depends on constants only, with the operators' own kernels. In a
 * model without symbolic dims every shape is known, so what depends on shapes is constant too.
 *
 * A small file must not become a large artifact: a result that is bigger than what it is made from,
 * beyond a floor, stays an instruction (ConstantOfShape, Expand, Tile), and all results together
 * are bounded.
 *
 * Quantized weights stay quantized: DequantizeLinear of a constant is not computed where its result
 * is larger than its operands, because a resident model would then hold four times the bytes that
 * its owner made it small to. The price is a pass over the weights in every run and room for one
 * layer's floats in the worker's arena, which all models share. */
#include <string.h>

#include "base/alloc.h"
#include "compiler/passes/edit.h"
#include "compiler/passes/eval.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/shapes.h"

enum { RESULT_FLOOR_BYTES = 1 << 20, RESULT_TOTAL_BYTES = 1 << 28 };

struct fold {
    struct graph *g;
    struct tensor *t; /* heap; as eval_infer wants them */
    uint64_t left;    /* bytes that results may still take */
};

static void become_const(struct graph *g, int32_t value, const struct tensor *t)
{
    g->values[value].kind = VALUE_CONST;
    g->values[value].t = *t;
}

static bool all_const(const struct graph *g, const struct node *n)
{
    if (n->op->flags & OP_CONTROL)
        return false;
    for (uint32_t i = 0; i < n->n_in; i++)
        if (n->in[i] != ARTIFACT_NO_TENSOR && g->values[n->in[i]].kind != VALUE_CONST)
            return false;
    return true;
}

/* Aligns the operands and adds up their bytes. */
static enum status take_operands(struct fold *f, const struct node *n, uint64_t *bytes)
{
    *bytes = 0;
    for (uint32_t i = 0; i < n->n_in; i++) {
        uint64_t b;
        if (n->in[i] == ARTIFACT_NO_TENSOR)
            continue;
        if (graph_settle(f->g, n->in[i]) != OK)
            return E_NO_MEMORY;
        f->t[n->in[i]] = f->g->values[n->in[i]].t;
        if (tensor_bytes(&f->t[n->in[i]], &b))
            *bytes += b;
    }
    return OK;
}

/* May the results take so many bytes, when the operands take `from`? */
static bool worth_its_bytes(const struct fold *f, const struct node *n, uint64_t from, uint64_t to)
{
    uint64_t floor = node_is(n, "DequantizeLinear") ? 0 : RESULT_FLOOR_BYTES;
    return to <= MAX(from, floor) && to <= f->left;
}

static enum status fold_node(struct fold *f, struct node *n, struct err *err)
{
    struct eval e;
    uint64_t from, to;
    if (take_operands(f, n, &from) != OK)
        return err_set(err, E_NO_MEMORY, "no memory to fold constants");
    enum status s = eval_infer(f->g, n, f->t, &e, err);
    if (s != OK)
        return s;
    if (!eval_bytes(&e, &to) || !worth_its_bytes(f, n, from, to) || e.text_bytes)
        return OK; /* text is made at run time */
    for (uint32_t i = 0; i < n->n_out; i++) {
        uint64_t b = 0;
        if (!e.out[i])
            continue;
        if (tensor_bytes(e.out[i], &b))
            e.out[i]->data = graph_alloc(f->g, b);
        if (!e.out[i]->data)
            return err_set(err, E_NO_MEMORY, "no memory to fold constants");
    }
    s = eval_run(f->g, &e, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; i < n->n_out; i++)
        if (e.out[i])
            become_const(f->g, n->out[i], e.out[i]);
    f->left -= to;
    n->dead = true;
    return OK;
}

static bool all_known(const struct shapes *s, const struct node *n)
{
    for (uint32_t i = 0; i < n->n_out; i++)
        if (n->out[i] != ARTIFACT_NO_TENSOR && !s->owned[n->out[i]])
            return false;
    return true;
}

/* Takes over what shape inference computed on its way. */
static enum status fold_shapes(struct graph *g, struct err *err)
{
    struct shapes s;
    enum status st = shapes_infer(g, NULL, &s, err);
    if (st != OK)
        return st;
    for (uint32_t i = 0; st == OK && i < g->n_nodes; i++) {
        struct node *n = &g->nodes[i];
        if (!all_known(&s, n))
            continue;
        for (uint32_t k = 0; st == OK && k < n->n_out; k++) {
            uint64_t bytes;
            struct tensor t;
            if (n->out[k] == ARTIFACT_NO_TENSOR)
                continue;
            t = s.t[n->out[k]];
            if (!tensor_bytes(&t, &bytes) || !(t.data = graph_alloc(g, bytes))) {
                st = err_set(err, E_NO_MEMORY, "no memory to fold shapes");
                break;
            }
            memcpy(t.data, s.owned[n->out[k]], bytes);
            become_const(g, n->out[k], &t);
        }
        n->dead = true;
    }
    shapes_fini(&s);
    graph_compact(g);
    return st;
}

enum status pass_fold_constants(struct graph *g, struct err *err)
{
    enum status s = g->n_symbols ? OK : fold_shapes(g, err);
    if (s != OK)
        return s;
    struct fold f = {g, alloc_zero(g->n_values, sizeof(*f.t)), RESULT_TOTAL_BYTES};
    if (!f.t)
        return err_set(err, E_NO_MEMORY, "no memory to fold constants");
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++)
        if (all_const(g, &g->nodes[i]))
            s = fold_node(&f, &g->nodes[i], err);
    alloc_free(f.t);
    graph_compact(g);
    return s;
}
