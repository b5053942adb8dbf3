/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* IsNaN: which elements are no number.  source: ONNX IsNaN-9, 13, 20 */
#include <math.h>

#include "ops/ops_priv.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "IsNaN", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (!dtype_is_float(x->dtype))
        return op_no_kernel("IsNaN", 0, x, err);
    return op_output(ctx, 0, "IsNaN", DT_BOOL, x->rank, x->dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct tensor *x = ctx->in[0];
    uint8_t *y = ctx->out[0]->data;
    for (int64_t i = 0; i < tensor_count(x); i++)
        y[i] = isnan(tensor_get_f64(x, i)) != 0;
    return OK;
}

const struct op op_is_nan = {
    .domain = "",
    .name = "IsNaN",
    .code = OP_CODE_is_nan,
    .since = {9, 13, 20},
    .types = OP_FLOATS,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
