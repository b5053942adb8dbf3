/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Identity, of any dtype.  source: ONNX Identity-16 (tensors only) */
#include "ops/ops_priv.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "Identity", 1, err);
    const struct tensor *x = ctx->in[0];
    return s == OK ? op_output(ctx, 0, "Identity", x->dtype, x->rank, x->dims, err) : s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    op_copy(ctx->in[0], ctx->out[0]);
    return OK;
}

const struct op op_identity = {
    .domain = "",
    .name = "Identity",
    .code = OP_CODE_identity,
    .since = {1, 13, 14, 16},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_VIEW | OP_STRINGS,
    .infer = infer,
    .run = run,
};
