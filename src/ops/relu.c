/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Relu: max(0, x); a NaN stays one.  source: ONNX Relu-14 */
#include "ops/unary.h"

static const struct unary_set set = {.op = "Relu",
                                     .f32 = relu_f32,
                                     .f64 = relu_f64,
                                     .i8 = relu_i8,
                                     .i16 = relu_i16,
                                     .i32 = relu_i32,
                                     .i64 = relu_i64};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return unary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    return unary_run(ctx, &set);
}

const struct op op_relu = {
    .domain = "",
    .name = "Relu",
    .code = OP_CODE_relu,
    .since = {1, 6, 13, 14},
    .types = OP_FLOATS | OP_SIGNED,
    .items = OP_ITEMS(0),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .infer = infer,
    .run = run,
};
