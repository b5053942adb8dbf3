/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Questions that patterns ask of a graph. A pattern looks up from its last node; what it replaces
 * is left to drop_dead, so that a value which somebody else reads too stays. */
#include <math.h>
#include <string.h>

#include "compiler/passes/edit.h"

enum { NUMPY_BROADCAST = 7 }; /* the opset from which Add, Mul, ... broadcast as numpy does */

enum status view_init(struct graph *g, struct view *v, struct err *err)
{
    *v = (struct view){.g = g};
    enum status s = probes_infer(g, &v->p, err);
    if (s != OK)
        return s;
    s = uses_init(g, &v->u, err);
    if (s != OK)
        probes_fini(&v->p);
    return s;
}

void view_fini(struct view *v)
{
    uses_fini(&v->u);
    probes_fini(&v->p);
}

static bool is_arithmetic(const char *op)
{
    static const char *const names[] = {"Add", "Sub", "Mul", "Div", "Pow"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(op, names[i]) == 0)
            return true;
    return false;
}

struct node *view_maker(const struct view *v, int32_t value, const char *op)
{
    if (value == ARTIFACT_NO_TENSOR || (uint32_t)value >= v->p.at[0].n ||
        v->u.producer[value] == NO_NODE)
        return NULL;
    struct node *n = &v->g->nodes[v->u.producer[value]];
    if (n->dead || !node_is(n, op) || !n->n_out || n->out[0] != value)
        return NULL;
    return is_arithmetic(op) && (n->version < NUMPY_BROADCAST || n->n_in != 2) ? NULL : n;
}

/* A value that a pass made itself is not in the probes. */
static const struct tensor *shape_of(const struct view *v, int32_t value)
{
    if (value == ARTIFACT_NO_TENSOR || (uint32_t)value >= v->p.at[0].n ||
        !probes_known(&v->p, value))
        return NULL;
    return &v->p.at[0].t[value];
}

bool view_is_f32(const struct view *v, int32_t value)
{
    const struct tensor *t = shape_of(v, value);
    return t && t->dtype == DT_F32;
}

int view_rank(const struct view *v, int32_t value)
{
    const struct tensor *t = shape_of(v, value);
    return t ? t->rank : -1;
}

int32_t node_other(const struct node *n, int32_t mine)
{
    if (n->n_in != 2 || n->in[0] == n->in[1])
        return ARTIFACT_NO_TENSOR;
    return n->in[0] == mine ? n->in[1] : n->in[1] == mine ? n->in[0] : ARTIFACT_NO_TENSOR;
}

bool value_near(struct graph *g, int32_t value, double want)
{
    double is;
    return value_scalar(g, value, &is) && fabs(is - want) <= 1e-3 * fabs(want);
}

bool view_scaled(const struct view *v, int32_t value, int32_t *from, double *factor)
{
    struct node *mul = view_maker(v, value, "Mul"), *div = view_maker(v, value, "Div");
    struct node *n = mul ? mul : div;
    if (!n)
        return false;
    int constant = mul && value_is_const(v->g, n->in[0]) ? 0 : 1;
    if (!value_scalar(v->g, n->in[constant], factor) || (div && *factor == 0))
        return false;
    *from = n->in[1 - constant];
    if (div)
        *factor = 1 / *factor;
    return view_is_f32(v, *from) && probes_same_shape(&v->p, *from, value);
}

bool view_row(const struct view *v, int32_t value, int64_t n, int32_t *row, enum status *s)
{
    *s = OK;
    if (!value_is_const(v->g, value))
        return false;
    struct tensor t = v->g->values[value].t;
    if (t.dtype != DT_F32 || t.rank < 1 || t.dims[t.rank - 1] != n || tensor_count(&t) != n)
        return false;
    *row = value;
    if (t.rank == 1)
        return true;
    t.rank = 1;
    t.dims[0] = n;
    *s = graph_const(v->g, v->g->values[value].name, &t, row);
    return *s == OK;
}

enum status node_become(struct graph *g, struct node *n, const struct node_new *as)
{
    const struct op *op = op_by_name(as->domain, as->op);
    struct attr *attrs = graph_alloc(g, as->n_attrs * sizeof(*attrs));
    int32_t *in = graph_alloc(g, as->n_in * sizeof(*in));
    ASSERT(op);
    if (!attrs || !in)
        return E_NO_MEMORY;
    memcpy(in, as->in, as->n_in * sizeof(*in));
    if (as->n_attrs)
        memcpy(attrs, as->attrs, as->n_attrs * sizeof(*attrs));
    n->op = op;
    n->version = op_version(op, as->opset);
    n->in = in;
    n->n_in = as->n_in;
    n->attrs = attrs;
    n->n_attrs = as->n_attrs;
    return OK;
}
