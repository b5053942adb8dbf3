/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Neg: -x; integers wrap.  source: ONNX Neg-13 */
#include "ops/unary.h"

static const struct unary_set set = {.op = "Neg",
                                     .f32 = neg_f32,
                                     .f64 = neg_f64,
                                     .i32 = neg_i32,
                                     .i64 = neg_i64,
                                     .i8 = neg_i8,
                                     .i16 = neg_i16};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return unary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    return unary_run(ctx, &set);
}

const struct op op_neg = {
    .domain = "",
    .name = "Neg",
    .code = OP_CODE_neg,
    .since = {1, 6, 13},
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
