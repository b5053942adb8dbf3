/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LessOrEqual: a <= b.  source: ONNX LessOrEqual-16 */
#include "ops/binary.h"

static const struct binary_set set = {.op = "LessOrEqual",
                                      .f32 = less_equal_f32,
                                      .f64 = less_equal_f64,
                                      BINARY_INTEGERS(less_equal),
                                      .to_bool = true};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return binary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return binary_run(ctx, &set, err);
}

const struct op op_less_or_equal = {
    .domain = "",
    .name = "LessOrEqual",
    .code = OP_CODE_less_or_equal,
    .since = {12, 16},
    .types = OP_NUMBERS,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
