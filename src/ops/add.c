/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Add.  source: ONNX Add-6 (one-sided broadcast), Add-14 */
#include "ops/binary.h"

static const struct binary_set set = {
    .op = "Add", .f32 = add_f32, .f64 = add_f64, BINARY_INTEGERS(add)};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return binary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return binary_run(ctx, &set, err);
}

const struct op op_add = {
    .domain = "",
    .name = "Add",
    .code = OP_CODE_add,
    .since = {1, 6, 7, 13, 14},
    .types = OP_NUMBERS,
    .items = OP_ITEMS(0) | OP_ITEMS(1),
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE | OP_BROADCAST,
    .params_bytes = sizeof(struct binary_params),
    .prepare = binary_prepare,
    .infer = infer,
    .run = run,
};
