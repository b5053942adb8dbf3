/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.Silu: x times its sigmoid, also known as swish.  source: ours */
#include "ops/unary.h"

static const struct unary_set set = {.op = "Silu", .f32 = silu_f32, .f64 = silu_f64};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return unary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    return unary_run(ctx, &set);
}

const struct op op_silu = {
    .domain = "roost",
    .name = "Silu",
    .code = OP_CODE_silu,
    .since = {1},
    .types = OP_T(F32),
    .items = OP_ITEMS(0),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .infer = infer,
    .run = run,
};
