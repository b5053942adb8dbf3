/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Less: a < b.  source: ONNX Less-1 (one-sided broadcast), Less-13 */
#include "ops/binary.h"

static const struct binary_set set = {
    .op = "Less", .f32 = less_f32, .f64 = less_f64, BINARY_INTEGERS(less), .to_bool = true};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return binary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return binary_run(ctx, &set, err);
}

const struct op op_less = {
    .domain = "",
    .name = "Less",
    .code = OP_CODE_less,
    .since = {1, 7, 9, 13},
    .types = OP_NUMBERS,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct binary_params),
    .prepare = binary_prepare,
    .infer = infer,
    .run = run,
};
