/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ConvInteger: Conv's attributes, bytes in, int32 out; the padding is x's zero point. Weights may
 * have a zero point for each output channel.  source: ONNX ConvInteger-10 */
#include "ops/quant_conv.h"

static const struct int_conv operands = {"ConvInteger", .x = 0, .w = 1, .x_zero = 2, .w_zero = 3};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return conv_prepare(node, operands.op, params, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    struct conv_i8 c = {.y = NULL};
    int64_t dims[TENSOR_RANK_MAX];
    enum status s = op_operands(ctx, operands.op, 2, err);
    if (s == OK)
        s = int_conv_infer(ctx, &operands, &c, dims, err);
    return s == OK ? op_output(ctx, 0, operands.op, DT_I32, ctx->in[0]->rank, dims, err) : s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    struct conv_i8 c;
    enum status s = int_conv_begin(ctx, &operands, &c, err);
    int64_t count = tensor_count(ctx->out[0]), parts = c.sizes.batch * c.sizes.groups;
    if (s != OK || count == 0)
        return s;
    for (int64_t i = 0; i < parts; i++) {
        int_conv_at(ctx, &operands, (const int64_t[]){i / c.sizes.groups, i % c.sizes.groups}, &c);
        c.y = (int32_t *)ctx->out[0]->data + count / parts * i;
        c.scratch = ctx->scratch;
        conv_i8(&c);
    }
    return OK;
}

const struct op op_conv_integer = {
    .domain = "",
    .name = "ConvInteger",
    .code = OP_CODE_conv_integer,
    .since = {10},
    .types = OP_T(I8) | OP_T(U8),
    .in_min = 2,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct conv_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
