/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Abs: the magnitude; integers wrap.  source: ONNX Abs-13 */
#include "ops/unary.h"

static const struct unary_set set = {.op = "Abs",
                                     .f32 = abs_f32,
                                     .f64 = abs_f64,
                                     .i32 = abs_i32,
                                     .i64 = abs_i64,
                                     .i8 = abs_i8,
                                     .i16 = abs_i16,
                                     .u8 = abs_u8,
                                     .u16 = abs_u16,
                                     .u32 = abs_u32,
                                     .u64 = abs_u64};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return unary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    return unary_run(ctx, &set);
}

const struct op op_abs = {
    .domain = "",
    .name = "Abs",
    .code = OP_CODE_abs,
    .since = {1, 6, 13},
    .types = OP_NUMBERS,
    .items = OP_ITEMS(0),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .infer = infer,
    .run = run,
};
