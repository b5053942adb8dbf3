/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Max: the largest of all operands.  source: ONNX Max-13 */
#include "ops/variadic.h"

static const struct binary_set set = {
    .op = "Max", .f32 = max_f32, .f64 = max_f64, BINARY_INTEGERS(max)};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return variadic_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    return variadic_run(ctx, &set);
}

const struct op op_max = {
    .domain = "",
    .name = "Max",
    .code = OP_CODE_max,
    .since = {1, 6, 8, 12, 13},
    .types = OP_NUMBERS,
    .in_min = 1,
    .in_max = OP_INPUTS_MAX,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
