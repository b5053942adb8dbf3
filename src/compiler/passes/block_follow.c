/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The nodes that work on blocks as well as on planes, once their operand is there in blocks. Lanes
 * beyond the last channel must stay finite, because products with zero weights take them in: so
 * only operators are taken that make finite numbers of finite ones. */
#include <string.h>

#include "compiler/passes/block.h"

/* ---- pools ---- */

static enum status pool(struct blocker *b, const struct node *n, const char *op)
{
    const struct node_new as = {.domain = "roost",
                                .op = op,
                                .opset = 1,
                                .in = &b->blocked[n->in[0]],
                                .n_in = 1,
                                .attrs = n->attrs,
                                .n_attrs = n->n_attrs};
    return block_node(b, &as, n->name, n->out[0]);
}

static const char *pool_for(const struct node *n)
{
    static const char *const names[][2] = {{"MaxPool", "BlockMaxPool"},
                                           {"AveragePool", "BlockAveragePool"},
                                           {"GlobalMaxPool", "BlockMaxPool"},
                                           {"GlobalAveragePool", "BlockAveragePool"}};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (node_is(n, names[i][0]))
            return names[i][1];
    return NULL;
}

/* ---- one factor and one summand per channel ---- */

static bool is_scale(const struct node *n)
{
    return strcmp(n->op->domain, "roost") == 0 && strcmp(n->op->name, "ScaleShift") == 0;
}

static enum status scale(struct blocker *b, const struct node *n)
{
    int32_t in[3] = {b->blocked[n->in[0]], n->in[1], n->in[2]};
    enum status s = block_row(b->g, n->in[1], &in[1]);
    if (s == OK)
        s = block_row(b->g, n->in[2], &in[2]);
    const struct node_new as = {.domain = "roost",
                                .op = "BlockScale",
                                .opset = 1,
                                .in = in,
                                .n_in = 3,
                                .attrs = n->attrs,
                                .n_attrs = n->n_attrs};
    return s == OK ? block_node(b, &as, n->name, n->out[0]) : s;
}

/* ---- element-wise ---- */

static bool is_unary(const struct node *n)
{
    static const char *const names[] = {"Relu",        "LeakyRelu", "Sigmoid", "Tanh", "HardSwish",
                                        "HardSigmoid", "Clip",      "Elu",     "Gelu", "Mish",
                                        "Softplus",    "Softsign",  "Abs",     "Neg"};
    if (strcmp(n->op->domain, "roost") == 0)
        return strcmp(n->op->name, "Silu") == 0;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (node_is(n, names[i]))
            return true;
    return false;
}

static enum status same_op(struct blocker *b, const struct node *n, const int32_t *in)
{
    int32_t made;
    enum status s = graph_value(b->g, "", &made);
    if (s == OK)
        s = graph_node(b->g, n->op, n->version, n->name, in, n->n_in, &made, 1, n->attrs,
                       n->n_attrs);
    if (s == OK)
        b->blocked[n->out[0]] = made;
    return s;
}

static enum status unary(struct blocker *b, const struct node *n)
{
    int32_t in[OP_INPUTS_MAX];
    memcpy(in, n->in, n->n_in * sizeof(*in));
    in[0] = b->blocked[n->in[0]];
    return same_op(b, n, in);
}

static bool is_binary(const struct node *n)
{
    return (node_is(n, "Add") || node_is(n, "Sub") || node_is(n, "Mul")) && n->n_in == 2 &&
           n->version >= 7;
}

/* May the operand stand in blocks beside the result? One of its shape, or of one number per channel
 * ([batch][channels][1][1]): both broadcast in blocks as they did. */
static bool goes_along(const struct blocker *b, int32_t value, int32_t result)
{
    if (value_is_const(b->g, value))
        return false;
    if (block_channels(b, value) != block_channels(b, result) || !block_channels(b, result))
        return false;
    if (probes_same_shape(&b->v.p, value, result))
        return true;
    for (int i = 2; i < 4; i++)
        if (probes_dim(b->g, &b->v.p, value, i) != 1)
            return false;
    return true;
}

static enum status binary(struct blocker *b, const struct node *n)
{
    int32_t in[2];
    enum status s = OK;
    for (int i = 0; s == OK && i < 2; i++) {
        double ignored;
        in[i] = n->in[i];
        if (!value_scalar(b->g, n->in[i], &ignored))
            s = block_get(b, n->in[i], &in[i]);
    }
    return s == OK ? same_op(b, n, in) : s;
}

/* A constant of one element with a rank that broadcasting keeps below that of blocks. */
static bool is_number(const struct blocker *b, int32_t value)
{
    return value_is_const(b->g, value) && tensor_count(&b->g->values[value].t) == 1;
}

static bool binary_can(const struct blocker *b, const struct node *n)
{
    int known = 0;
    for (int i = 0; i < 2; i++) {
        if (!is_number(b, n->in[i]) && !goes_along(b, n->in[i], n->out[0]))
            return false;
        known += block_has(b, n->in[i]) && probes_same_shape(&b->v.p, n->in[i], n->out[0]);
    }
    return known > 0;
}

/* ---- Concat along channels ---- */

static bool concat_can(const struct blocker *b, const struct node *n)
{
    int64_t axis = node_int(n, ATTR_axis, n->version < 4 ? 1 : 0);
    if (!node_is(n, "Concat") || (axis != 1 && axis != -3))
        return false;
    for (uint32_t i = 0; i < n->n_in; i++) {
        bool whole = i + 1 == n->n_in || block_channels(b, n->in[i]) % BLOCK_LANES == 0;
        if (!block_has(b, n->in[i]) || !whole)
            return false;
    }
    return n->n_in > 0;
}

static enum status concat(struct blocker *b, const struct node *n)
{
    int32_t in[OP_INPUTS_MAX];
    const struct attr axis = {.key = ATTR_axis, .type = ATTR_INT, .count = 1, .i = 1};
    for (uint32_t i = 0; i < n->n_in; i++)
        in[i] = b->blocked[n->in[i]];
    const struct node_new as = {.domain = "",
                                .op = "Concat",
                                .opset = 13,
                                .in = in,
                                .n_in = n->n_in,
                                .attrs = &axis,
                                .n_attrs = 1};
    return block_node(b, &as, n->name, n->out[0]);
}

enum status block_follow(struct blocker *b, const struct node *n, bool *done)
{
    bool one = n->n_in >= 1 && n->n_out == 1 && block_channels(b, n->out[0]) > 0;
    bool first = one && block_has(b, n->in[0]);
    *done = true;
    if (first && pool_for(n))
        return pool(b, n, pool_for(n));
    if (first && is_scale(n) && value_is_const(b->g, n->in[1]) && value_is_const(b->g, n->in[2]))
        return scale(b, n);
    if (first && is_unary(n))
        return unary(b, n);
    if (one && is_binary(n) && binary_can(b, n))
        return binary(b, n);
    if (one && concat_can(b, n))
        return concat(b, n);
    *done = false;
    return OK;
}
