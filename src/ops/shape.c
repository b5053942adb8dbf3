/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Shape: the dims [start, end) of its input, as int64.  source: ONNX Shape-13, Shape-15 */
#include "ops/ops_priv.h"

struct params {
    int64_t start, end;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = attr_int(&node->attrs, ATTR_start, 0, &p->start, err);
    return s == OK ? attr_int(&node->attrs, ATTR_end, TENSOR_RANK_MAX, &p->end, err) : s;
}

/* Counts from the end when negative; clamped to [0, rank]. */
static int place(int64_t at, int rank)
{
    if (at < 0)
        at = at < -rank ? 0 : at + rank;
    return (int)MIN(at, rank);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "Shape", 1, err);
    if (s != OK)
        return s;
    int start = place(p->start, ctx->in[0]->rank), end = place(p->end, ctx->in[0]->rank);
    int64_t n = MAX(end - start, 0);
    return op_output(ctx, 0, "Shape", DT_I64, 1, &n, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    int64_t *y = ctx->out[0]->data;
    int end = place(p->end, x->rank);
    for (int d = place(p->start, x->rank); d < end; d++)
        *y++ = x->dims[d];
    return OK;
}

const struct op op_shape = {
    .domain = "",
    .name = "Shape",
    .code = OP_CODE_shape,
    .since = {1, 13, 15},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_SHAPE_ONLY | OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
