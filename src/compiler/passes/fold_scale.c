/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A constant that multiplies, divides, is added to or taken from each channel of a Conv, or each
 * column of a Gemm or a Linear, is a BatchNormalization of mean 0 and variance 1, and is folded
 * into weights and bias as one. */
#include "compiler/passes/norm.h"
#include "compiler/passes/passes.h"

/* The axis of the product's result that its weights know: channels, or columns. */
static int channel_axis(const struct view *v, const struct node *n, int rank)
{
    UNUSED(v);
    return node_is(n, "Conv") ? 1 : rank - 1;
}

static bool is_product(const struct node *n)
{
    return node_is(n, "Conv") || node_is(n, "Gemm") || norm_is_linear(n);
}

/* Does the constant have one element, or one for each of n along the axis, counted from the right
 * against a result of that rank? */
static bool is_along(const struct tensor *t, int axis, int rank, int64_t n)
{
    if (t->dtype != DT_F32 || t->rank > rank)
        return false;
    if (tensor_count(t) == 1)
        return true;
    int at = axis - (rank - t->rank);
    return at >= 0 && t->dims[at] == n && tensor_count(t) == n;
}

/* Fills the four rows: x * scale + shift. */
static enum status as_norm(struct graph *g, const struct node *n, const struct tensor *c,
                           struct norm *out)
{
    size_t channels = (size_t)out->channels;
    float *rows = graph_alloc(g, 4 * channels * sizeof(*rows));
    if (!rows)
        return E_NO_MEMORY;
    for (size_t i = 0; i < channels; i++) {
        float v = ((const float *)c->data)[tensor_count(c) == 1 ? 0 : i];
        bool add = node_is(n, "Add"), sub = node_is(n, "Sub");
        rows[i] = add || sub ? 1 : node_is(n, "Div") ? 1 / v : v;
        rows[channels + i] = add ? v : sub ? -v : 0;
        rows[2 * channels + i] = 0;
        rows[3 * channels + i] = 1;
    }
    *out = (struct norm){out->channels,       rows, rows + channels, rows + 2 * channels,
                         rows + 3 * channels, 0};
    return OK;
}

/* The operand that a product makes; the constant is the other one, and the right one of Sub, Div.
 */
static int32_t product_operand(const struct view *v, const struct node *n)
{
    for (uint32_t i = 0; i < 2; i++) {
        int32_t value = n->in[i], maker = value < 0 ? NO_NODE : v->u.producer[value];
        bool right = (node_is(n, "Sub") || node_is(n, "Div")) && i == 1;
        if (maker != NO_NODE && !right && !v->g->nodes[maker].dead &&
            is_product(&v->g->nodes[maker]) && value_is_const(v->g, n->in[1 - i]))
            return value;
    }
    return ARTIFACT_NO_TENSOR;
}

static enum status fold(const struct view *v, struct node *n)
{
    struct graph *g = v->g;
    int32_t made = product_operand(v, n);
    if (made == ARTIFACT_NO_TENSOR || !view_is_f32(v, made) ||
        !probes_same_shape(&v->p, made, n->out[0]))
        return OK;
    int32_t other = made == n->in[0] ? n->in[1] : n->in[0];
    int rank = view_rank(v, made);
    int axis = channel_axis(v, &g->nodes[v->u.producer[made]], rank);
    struct norm norm = {.channels = rank > 1 ? probes_dim(g, &v->p, made, axis) : -1};
    if (norm.channels < 1 || !is_along(&g->values[other].t, axis, rank, norm.channels))
        return OK;
    if (graph_settle(g, other) != OK || as_norm(g, n, &g->values[other].t, &norm) != OK)
        return E_NO_MEMORY;
    return norm_fold(g, &v->u, n, made, &norm);
}

enum status pass_fold_scale(struct graph *g, struct err *err)
{
    static const char *const ops[] = {"Mul", "Div", "Add", "Sub"};
    struct view v;
    enum status s = view_init(g, &v, err);
    if (s != OK)
        return s;
    for (uint32_t i = 0; s == OK && i < g->n_nodes; i++) {
        struct node *n = &g->nodes[i];
        for (size_t k = 0; s == OK && k < ARRAY_COUNT(ops); k++)
            if (!n->dead && n->n_out == 1 && view_maker(&v, n->out[0], ops[k]) &&
                (s = fold(&v, n)) != OK)
                err_set(err, s, "no memory to fold a scale");
    }
    view_fini(&v);
    graph_compact(g);
    return s;
}
