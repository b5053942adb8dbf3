/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Sign: -1, 0 or 1.  source: ONNX Sign-13 */
#include "ops/unary.h"

static const struct unary_set set = {.op = "Sign",
                                     .f32 = sign_f32,
                                     .f64 = sign_f64,
                                     .i32 = sign_i32,
                                     .i64 = sign_i64,
                                     .i8 = sign_i8,
                                     .i16 = sign_i16,
                                     .u8 = sign_u8,
                                     .u16 = sign_u16,
                                     .u32 = sign_u32,
                                     .u64 = sign_u64};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return unary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    return unary_run(ctx, &set);
}

const struct op op_sign = {
    .domain = "",
    .name = "Sign",
    .code = OP_CODE_sign,
    .since = {9, 13},
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
