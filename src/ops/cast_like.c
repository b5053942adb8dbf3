/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* CastLike: operand 0 in the dtype of operand 1.  source: ONNX CastLike-15, 19 */
#include "ops/cast_common.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "CastLike", 2, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    return op_output(ctx, 0, "CastLike", ctx->in[1]->dtype, x->rank, x->dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    cast_elements(ctx->in[0], ctx->out[0]);
    return OK;
}

const struct op op_cast_like = {
    .domain = "",
    .name = "CastLike",
    .code = OP_CODE_cast_like,
    .since = {15, 19},
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .infer = infer,
    .run = run,
};
