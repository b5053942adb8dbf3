/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Div: a / b; integers toward zero, and never by zero.
 * source: ONNX Div-6 (one-sided broadcast), Div-14 */
#include "ops/binary.h"

static const struct binary_set set = {
    .op = "Div", .f32 = div_f32, .f64 = div_f64, BINARY_INTEGERS(div)};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return binary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct tensor *b = ctx->in[1];
    if (!dtype_is_float(b->dtype))
        for (int64_t i = 0; i < tensor_count(b); i++)
            if (tensor_get_i64(b, i) == 0)
                return err_set(err, E_BAD_INPUT, "Div: an integer is divided by zero");
    return binary_run(ctx, &set, err);
}

const struct op op_div = {
    .domain = "",
    .name = "Div",
    .code = OP_CODE_div,
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
