/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Not: logical not.  source: ONNX Not-1 */
#include "ops/unary.h"

static const struct unary_set set = {.op = "Not", .boolean = not_bool};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return unary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    return unary_run(ctx, &set);
}

const struct op op_not = {
    .domain = "",
    .name = "Not",
    .code = OP_CODE_not,
    .since = {1},
    .types = OP_T(BOOL),
    .items = OP_ITEMS(0),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .infer = infer,
    .run = run,
};
