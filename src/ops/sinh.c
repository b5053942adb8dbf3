/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Sinh: the hyperbolic sine.  source: ONNX Sinh-9 */
#include "ops/unary.h"

static const struct unary_set set = {.op = "Sinh", .f32 = sinh_f32, .f64 = sinh_f64};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return unary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    return unary_run(ctx, &set);
}

const struct op op_sinh = {
    .domain = "",
    .name = "Sinh",
    .code = OP_CODE_sinh,
    .since = {9},
    .types = OP_FLOATS,
    .items = OP_ITEMS(0),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .infer = infer,
    .run = run,
};
