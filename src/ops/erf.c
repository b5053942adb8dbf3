/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Erf: the error function.  source: ONNX Erf-13 */
#include "ops/as_f32.h"
#include "ops/unary.h"

static const struct unary_set set = {.op = "Erf", .f32 = erf_f32, .f64 = erf_f64};

static enum status infer_own(struct op_infer *ctx, struct err *err)
{
    return unary_infer(ctx, &set, err);
}

static enum status run_own(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    return unary_run(ctx, &set);
}

/* Integers go through float32. */
static enum status infer(struct op_infer *ctx, struct err *err)
{
    return as_f32_infer(ctx, "Erf", infer_own, AS_F32_INTEGERS, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return as_f32_run(ctx, run_own, AS_F32_INTEGERS, err);
}

const struct op op_erf = {
    .domain = "",
    .name = "Erf",
    .code = OP_CODE_erf,
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
