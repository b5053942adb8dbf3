/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* PRelu: slope * x below 0; the slope broadcasts to x (never x to the slope). Before opset 7 it has
 * one element, or one for each channel.  source: ONNX PRelu-6, 7, 16 */
#include "kernels/integers.h"
#include "ops/binary.h"

/* No unsigned number is below 0: infer wants a kernel to be there, run copies. */
static const struct binary_set set = {
    .op = "PRelu",
    .f32 = prelu_f32,
    .f64 = prelu_f64,
    .i32 = prelu_i32,
    .i64 = prelu_i64,
    .u32 = max_u32,
    .u64 = max_u64,
};

/* PRelu-6's slope stands along the channels, as a legacy broadcast from axis 1 does. */
static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct binary_params *p = params;
    UNUSED(err);
    p->legacy = p->broadcast = p->has_axis = node->version < 7;
    p->axis = 1;
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = binary_infer(ctx, &set, err);
    if (s == OK && !shape_same(ctx->in[0], ctx->out[0]))
        return op_bad("PRelu", 1, ctx->in[1], "a shape that broadcasts to input 0", err);
    return s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    enum dtype t = ctx->in[0]->dtype;
    if (t != DT_U32 && t != DT_U64)
        return binary_run(ctx, &set, err);
    op_copy(ctx->in[0], ctx->out[0]);
    return OK;
}

const struct op op_prelu = {
    .domain = "",
    .name = "PRelu",
    .code = OP_CODE_prelu,
    .since = {1, 6, 7, 9, 16},
    .types = OP_FLOATS | OP_T(I32) | OP_T(I64) | OP_T(U32) | OP_T(U64),
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct binary_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
