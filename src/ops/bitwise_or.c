/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* BitwiseOr: the bits set in either, of integers.  source: ONNX BitwiseOr-18 */
#include "ops/binary.h"

static const struct binary_set set = {.op = "BitwiseOr",
                                      .i8 = bits_or_u8,
                                      .i16 = bits_or_u16,
                                      .i32 = bits_or_u32,
                                      .i64 = bits_or_u64,
                                      .u8 = bits_or_u8,
                                      .u16 = bits_or_u16,
                                      .u32 = bits_or_u32,
                                      .u64 = bits_or_u64};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return binary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return binary_run(ctx, &set, err);
}

const struct op op_bitwise_or = {
    .domain = "",
    .name = "BitwiseOr",
    .code = OP_CODE_bitwise_or,
    .since = {18},
    .types = OP_INTEGERS,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct binary_params),
    .prepare = binary_prepare,
    .infer = infer,
    .run = run,
};
