/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* BitwiseNot: every bit turned, of integers.  source: ONNX BitwiseNot-18 */
#include "ops/unary.h"

static const struct unary_set set = {.op = "BitwiseNot",
                                     .i8 = bits_not_u8,
                                     .i16 = bits_not_u16,
                                     .i32 = bits_not_u32,
                                     .i64 = bits_not_u64,
                                     .u8 = bits_not_u8,
                                     .u16 = bits_not_u16,
                                     .u32 = bits_not_u32,
                                     .u64 = bits_not_u64};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return unary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    return unary_run(ctx, &set);
}

const struct op op_bitwise_not = {
    .domain = "",
    .name = "BitwiseNot",
    .code = OP_CODE_bitwise_not,
    .since = {18},
    .types = OP_INTEGERS,
    .items = OP_ITEMS(0),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .infer = infer,
    .run = run,
};
