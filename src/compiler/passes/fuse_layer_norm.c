/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LayerNormalization as exporters spell it before opset 17 becomes one node, over the last dim:
 *     d = x - ReduceMean(x);  y = d / Sqrt(ReduceMean(d^2) + epsilon) [* scale] [+ bias]
 * with d^2 as Pow(d, 2) or Mul(d, d). */
#include "compiler/passes/edit.h"
#include "compiler/passes/passes.h"

enum { LAYER_NORM_OPSET = 17, AXES_OPERAND = 18 };

/* What has been recognised so far. */
struct layer {
    int32_t x, scale, bias;
    int64_t n; /* elements of a row */
    double epsilon;
    struct node *last;
};

/* ReduceMean over the last dim, which stays as 1. Gives its operand, or ARTIFACT_NO_TENSOR. */
static int32_t mean_of(const struct view *v, int32_t value)
{
    const struct node *n = view_maker(v, value, "ReduceMean");
    int64_t axis;
    int count, rank = n ? view_rank(v, n->in[0]) : -1;
    if (!n || rank < 1 || !node_int(n, ATTR_keepdims, 1) ||
        !node_ints(v->g, n, ATTR_axes, n->version < AXES_OPERAND ? -1 : 1, &axis, 1, &count) ||
        count != 1 || (axis != -1 && axis != rank - 1))
        return ARTIFACT_NO_TENSOR;
    return n->in[0];
}

static bool is_square_of(const struct view *v, int32_t value, int32_t d)
{
    const struct node *pow = view_maker(v, value, "Pow"), *mul = view_maker(v, value, "Mul");
    if (pow)
        return pow->in[0] == d && value_near(v->g, pow->in[1], 2);
    return mul && mul->in[0] == d && mul->in[1] == d;
}

/* Sqrt(ReduceMean(d^2) + epsilon) */
static bool is_deviation_of(const struct view *v, int32_t value, int32_t d, double *epsilon)
{
    const struct node *sqrt = view_maker(v, value, "Sqrt");
    const struct node *add = sqrt ? view_maker(v, sqrt->in[0], "Add") : NULL;
    for (int i = 0; i < 2 && add; i++)
        if (value_scalar(v->g, add->in[i], epsilon) && *epsilon >= 0) {
            int32_t square = mean_of(v, add->in[1 - i]);
            return square != ARTIFACT_NO_TENSOR && is_square_of(v, square, d);
        }
    return false;
}

static bool match(const struct view *v, struct node *div, struct layer *l)
{
    const struct node *sub = view_maker(v, div->in[0], "Sub");
    if (!sub || mean_of(v, sub->in[1]) != sub->in[0] ||
        !is_deviation_of(v, div->in[1], div->in[0], &l->epsilon) || !view_is_f32(v, sub->in[0]) ||
        !probes_same_shape(&v->p, sub->in[0], div->out[0]))
        return false;
    l->x = sub->in[0];
    l->last = div;
    int rank = view_rank(v, l->x);
    l->n = rank > 0 ? probes_dim(v->g, &v->p, l->x, rank - 1) : -1;
    return l->n > 0;
}

/* The constant row that the only reader of the last node's result applies with `op`. */
static bool follow(const struct view *v, struct layer *l, const char *op, int32_t *row,
                   enum status *s)
{
    struct node *n = uses_only(v->g, &v->u, l->last->out[0]);
    if (*s != OK || !n || !view_maker(v, n->out[0], op) ||
        !probes_same_shape(&v->p, l->x, n->out[0]) ||
        !view_row(v, node_other(n, l->last->out[0]), l->n, row, s))
        return false;
    l->last = n;
    return true;
}

static enum status ones(const struct view *v, int64_t n, int32_t *index)
{
    struct tensor t = {.dtype = DT_F32, .rank = 1, .dims = {n}};
    uint64_t bytes;
    if (!tensor_bytes(&t, &bytes) || !(t.data = graph_alloc(v->g, bytes)))
        return E_NO_MEMORY;
    for (int64_t i = 0; i < n; i++)
        ((float *)t.data)[i] = 1;
    return graph_const(v->g, "", &t, index);
}

static enum status rewrite(const struct view *v, struct layer *l)
{
    enum status s = OK;
    if (!follow(v, l, "Mul", &l->scale, &s) && s == OK)
        s = ones(v, l->n, &l->scale);
    bool shifted = s == OK && follow(v, l, "Add", &l->bias, &s);
    if (s != OK)
        return s;
    const struct attr attrs[] = {
        {.key = ATTR_axis, .type = ATTR_INT, .count = 1, .i = -1},
        {.key = ATTR_epsilon, .type = ATTR_FLOAT, .count = 1, .f = (float)l->epsilon}};
    const int32_t in[] = {l->x, l->scale, shifted ? l->bias : ARTIFACT_NO_TENSOR};
    const struct node_new as = {.domain = "",
                                .op = "LayerNormalization",
                                .opset = LAYER_NORM_OPSET,
                                .in = in,
                                .n_in = shifted ? 3 : 2,
                                .attrs = attrs,
                                .n_attrs = ARRAY_COUNT(attrs)};
    return node_become(v->g, l->last, &as);
}

enum status pass_fuse_layer_norm(struct graph *g, struct err *err)
{
    struct view v;
    enum status s = view_init(g, &v, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++) {
        struct layer l = {.last = NULL};
        struct node *n = &g->nodes[i];
        if (n->n_out == 1 && view_maker(&v, n->out[0], "Div") && match(&v, n, &l) &&
            (s = rewrite(&v, &l)) != OK)
            err_set(err, s, "no memory to fuse LayerNormalization");
    }
    view_fini(&v);
    return s == OK ? pass_drop_dead(g, err) : s;
}
