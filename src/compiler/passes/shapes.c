/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Infers the whole graph for given symbols, in node order. Data that is known is carried along only
 * while it is small: it is what shapes are made of, not weights. */
#include "compiler/passes/shapes.h"

#include <string.h>

#include "base/alloc.h"
#include "compiler/passes/eval.h"

static int64_t resolve(int64_t dim, const int64_t *symbols)
{
    if (dim_is_symbol(dim))
        return symbols[dim_symbol(dim)];
    return dim == DIM_FREE ? 1 : dim;
}

static void set_known(const struct graph *g, const int64_t *symbols, struct shapes *s)
{
    for (uint32_t i = 0; i < g->n_values; i++) {
        const struct value *v = &g->values[i];
        if (v->kind == VALUE_COMPUTED || v->kind == VALUE_FORMAL)
            continue;
        s->t[i] = v->t;
        if (v->kind == VALUE_INPUT) {
            for (int d = 0; d < v->t.rank; d++)
                s->t[i].dims[d] = resolve(v->t.dims[d], symbols);
            s->t[i].data = NULL;
        } else if ((uintptr_t)v->t.data % dtype_bytes(v->t.dtype)) {
            s->t[i].data = NULL; /* a large tensor in the file: never a shape */
        }
    }
}

/* Gives the node's outputs memory and runs it. */
static enum status compute(const struct graph *g, struct eval *e, struct shapes *s, struct err *err)
{
    for (uint32_t i = 0; i < e->node->n_out; i++) {
        if (!e->out[i])
            continue;
        uint64_t bytes;
        int32_t v = e->node->out[i];
        if (!tensor_bytes(e->out[i], &bytes) || !(s->owned[v] = alloc_aligned(64, bytes + 1)))
            return err_set(err, E_NO_MEMORY, "no memory to compute a shape");
        s->t[v].data = s->owned[v];
    }
    return eval_run(g, e, err);
}

static bool any_unknown(const struct node *n, const struct shapes *s)
{
    for (uint32_t i = 0; i < n->n_in; i++)
        if (n->in[i] != ARTIFACT_NO_TENSOR && s->t[n->in[i]].dtype == DT_NONE)
            return true;
    return false;
}

static void make_unknown(const struct node *n, struct shapes *s)
{
    for (uint32_t i = 0; i < n->n_out; i++)
        if (n->out[i] != ARTIFACT_NO_TENSOR)
            s->t[n->out[i]] = (struct tensor){0};
}

static enum status infer_node(const struct graph *g, const struct node *n, struct shapes *s,
                              struct err *err)
{
    struct eval e;
    uint64_t bytes;
    if (any_unknown(n, s)) {
        make_unknown(n, s);
        return OK;
    }
    struct err own;
    enum status st = eval_infer(g, n, s->t, &e, &own);
    if (st != OK && e.needs_data) {
        make_unknown(n, s);
        return OK;
    }
    if (st != OK) {
        if (err)
            *err = own;
        return st;
    }
    if (!eval_bytes(&e, &bytes)) {
        err_set(err, E_CORRUPT, "the result's size overflows");
        return graph_node_err(g, n, err);
    }
    if (eval_known(&e) && bytes <= SHAPES_KNOWN_BYTES_MAX && !e.text_bytes)
        return compute(g, &e, s, err);
    if (n->op->flags & OP_SIZED_BY_RUN)
        make_unknown(n, s); /* infer gave no more than a bound */
    return OK;
}

enum status shapes_infer(const struct graph *g, const int64_t *symbols, struct shapes *out,
                         struct err *err)
{
    struct shapes s = {alloc_zero(g->n_values, sizeof(*s.t)),
                       alloc_zero(g->n_values, sizeof(*s.owned)), g->n_values};
    enum status st = OK;
    if (!s.t || !s.owned)
        st = err_set(err, E_NO_MEMORY, "no memory for %u shapes", g->n_values);
    else
        set_known(g, symbols, &s);
    for (uint32_t i = 0; st == OK && i < g->n_nodes; i++)
        if (!g->nodes[i].dead)
            st = infer_node(g, &g->nodes[i], &s, err);
    if (st == OK)
        *out = s;
    else
        shapes_fini(&s);
    return st;
}

void shapes_fini(struct shapes *s)
{
    for (uint32_t i = 0; s->owned && i < s->n; i++)
        alloc_free(s->owned[i]);
    alloc_free(s->owned);
    alloc_free(s->t);
    *s = (struct shapes){0};
}
