/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Mean: of all operands.  source: ONNX Mean-13 */
#include "ops/variadic.h"

static const struct binary_set set = {.op = "Mean", .f32 = add_f32};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return variadic_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct tensor *y = ctx->out[0];
    enum status s = variadic_run(ctx, &set);
    affine_f32(tensor_count(y), y->data, y->data, 1 / (float)ctx->n_in, 0);
    return s;
}

const struct op op_mean = {
    .domain = "",
    .name = "Mean",
    .code = OP_CODE_mean,
    .since = {1, 6, 8, 13},
    .in_min = 1,
    .in_max = OP_INPUTS_MAX,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
