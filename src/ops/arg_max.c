/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ArgMax: where the largest element stands.  source: ONNX ArgMax-13 */
#include "ops/arg.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return arg_infer(ctx, "ArgMax", err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return arg_run(ctx, "ArgMax", true, err);
}

const struct op op_arg_max = {
    .domain = "",
    .name = "ArgMax",
    .code = OP_CODE_arg_max,
    .since = {1, 11, 12, 13},
    .types = OP_NUMBERS,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct arg_params),
    .prepare = arg_prepare,
    .infer = infer,
    .run = run,
};
