/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Sum: of all operands.  source: ONNX Sum-13 */
#include "ops/variadic.h"

static const struct binary_set set = {.op = "Sum", .f32 = add_f32, .f64 = add_f64};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return variadic_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    return variadic_run(ctx, &set);
}

const struct op op_sum = {
    .domain = "",
    .name = "Sum",
    .code = OP_CODE_sum,
    .since = {1, 6, 8, 13},
    .types = OP_FLOATS,
    .in_min = 1,
    .in_max = OP_INPUTS_MAX,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
