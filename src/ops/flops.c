/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One rule for each family, and a table that says which operators are of it. What is not in the
 * table is taken to be elementwise. */
#include "ops/flops.h"

#include <string.h>

#include "base/checked.h"
#include "ops/attention.h"

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return checked_mul(a, b, &product) ? product : UINT64_MAX;
}

static const struct tensor *operand(const struct op_shapes *s, int i)
{
    return i < s->n_in ? s->in[i] : NULL;
}

static uint64_t count(const struct tensor *t)
{
    return t ? (uint64_t)tensor_count(t) : 0;
}

/* Weights [out_c][...]: each output element reads one filter. */
static uint64_t conv(const struct op_shapes *s, int weights)
{
    const struct tensor *w = operand(s, weights);
    return w && w->rank && w->dims[0] ? times(2 * count(s->out[0]), count(w) / (uint64_t)w->dims[0])
                                      : 0;
}

/* Weights [in_c][...]: each input element spreads over one. */
static uint64_t conv_transpose(const struct op_shapes *s, int weights)
{
    const struct tensor *w = operand(s, weights);
    return w && w->rank && w->dims[0]
               ? times(2 * count(operand(s, 0)), count(w) / (uint64_t)w->dims[0])
               : 0;
}

/* [.., m, k] times [.., k, n]. */
static uint64_t product(const struct op_shapes *s, int right)
{
    const struct tensor *a = operand(s, 0);
    UNUSED(right);
    return a && a->rank ? times(2 * count(s->out[0]), (uint64_t)a->dims[a->rank - 1]) : 0;
}

/* As above, but the left side may stand transposed: k is what the output's rows leave of it. */
static uint64_t gemm(const struct op_shapes *s, int right)
{
    const struct tensor *a = operand(s, 0), *y = s->out[0];
    UNUSED(right);
    return y && y->rank && y->dims[0] ? times(2 * count(y), count(a) / (uint64_t)y->dims[0]) : 0;
}

/* Every step and batch item meets all of W and R. */
static uint64_t recurrent(const struct op_shapes *s, int weights)
{
    const struct tensor *x = operand(s, 0);
    uint64_t w = count(operand(s, weights)) + count(operand(s, weights + 1));
    return x && x->rank > 1 ? times(2 * w, (uint64_t)x->dims[0] * (uint64_t)x->dims[1]) : 0;
}

/* What picks from a large operand reads as much as it gives. */
static uint64_t by_result(const struct op_shapes *s, int table)
{
    UNUSED(table);
    return count(s->out[0]);
}

/* What the form it came from would take, whatever its own form takes. */
static uint64_t block_conv(const struct op_shapes *s, int weights)
{
    const struct tensor *w = operand(s, weights);
    if (!w || w->rank < 4)
        return 0;
    bool winograd = w->rank == 5 && w->dims[0] == 36;
    uint64_t lanes = count(w), blocks = (uint64_t)w->dims[winograd ? 1 : 0];
    if (winograd)
        lanes = lanes / 36 * 9;
    return blocks ? times(2 * count(s->out[0]), lanes / blocks / 16) : 0;
}

/* Each block of 16 outputs meets its weights. */
static uint64_t narrow(const struct op_shapes *s, int weights)
{
    const struct tensor *w = operand(s, weights);
    uint64_t blocks = w && w->rank ? (uint64_t)w->dims[0] : 0;
    return blocks ? times(2 * count(s->out[0]), count(w) / blocks / 16) : 0;
}

static uint64_t attention(const struct op_shapes *s, int first)
{
    UNUSED(first);
    return attention_flops(s->params, s);
}

static const struct rule {
    const char *op;
    uint64_t (*flops)(const struct op_shapes *s, int operand);
    int operand; /* the weights */
} rules[] = {
    {"Conv", conv, 1},
    {"FusedConv", conv, 1},
    {"BlockConv", block_conv, 1},
    {"NarrowConv", narrow, 1},
    {"NarrowGemm", narrow, 1},
    {"ConvInteger", conv, 1},
    {"QLinearConv", conv, 3},
    {"ConvTranspose", conv_transpose, 1},
    {"MatMul", product, 1},
    {"MatMulInteger", product, 1},
    {"QLinearMatMul", product, 3},
    {"Gemm", gemm, 1},
    {"FusedGemm", gemm, 1},
    {"Linear", product, 1},
    {"PackedGemm", product, 1},
    {"Attention", attention, 0},
    {"LSTM", recurrent, 1},
    {"GRU", recurrent, 1},
    {"RNN", recurrent, 1},
    {"Gather", by_result, 0},
    {"GatherND", by_result, 0},
    {"GatherElements", by_result, 0},
    {"Slice", by_result, 0},
};

static uint64_t by_elements(const struct op_shapes *s)
{
    uint64_t most = 0;
    for (int i = 0; i < s->n_in; i++)
        most = MAX(most, count(s->in[i]));
    for (int i = 0; i < s->n_out; i++)
        most = MAX(most, count(s->out[i]));
    return most;
}

uint64_t op_flops(const struct op *op, const struct op_shapes *s)
{
    if (op->flags & (OP_VIEW | OP_SHAPE_ONLY))
        return 0;
    for (size_t i = 0; i < ARRAY_COUNT(rules); i++)
        if (strcmp(rules[i].op, op->name) == 0 && s->n_out && s->out[0])
            return rules[i].flops(s, rules[i].operand);
    return by_elements(s);
}
