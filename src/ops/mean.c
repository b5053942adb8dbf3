/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Mean: of all operands.  source: ONNX Mean-13 */
#include "ops/element.h"
#include "ops/variadic.h"

static const struct binary_set set = {.op = "Mean", .f32 = add_f32, .f64 = add_f64};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return variadic_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct tensor *y = ctx->out[0];
    enum status s = variadic_run(ctx, &set);
    if (y->dtype == DT_F32)
        affine_f32(tensor_count(y), y->data, y->data, 1 / (float)ctx->n_in, 0);
    else
        for (int64_t i = 0; i < tensor_count(y); i++)
            element_set_f64(y, i, tensor_get_f64(y, i) / ctx->n_in);
    return s;
}

const struct op op_mean = {
    .domain = "",
    .name = "Mean",
    .code = OP_CODE_mean,
    .since = {1, 6, 8, 13},
    .types = OP_FLOATS,
    .in_min = 1,
    .in_max = OP_INPUTS_MAX,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
