/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Cos: cosine.  source: ONNX Cos-7 */
#include "ops/unary.h"

static const struct unary_set set = {.op = "Cos", .f32 = cos_f32, .f64 = cos_f64};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return unary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    return unary_run(ctx, &set);
}

const struct op op_cos = {
    .domain = "",
    .name = "Cos",
    .code = OP_CODE_cos,
    .since = {7},
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
