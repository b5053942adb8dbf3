/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* CastLike: operand 0 in the dtype of operand 1.  source: ONNX CastLike-15, 19 */
#include "ops/cast_common.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "CastLike", 2, err);
    return s == OK ? cast_infer(ctx, "CastLike", ctx->in[1]->dtype, err) : s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return cast_elements("CastLike", ctx->in[0], ctx->out[0], err);
}

const struct op op_cast_like = {
    .domain = "",
    .name = "CastLike",
    .code = OP_CODE_cast_like,
    .since = {15, 19},
    .types = OP_ANY,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE | OP_STRINGS,
    .infer = infer,
    .run = run,
};
