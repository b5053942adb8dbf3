/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Size: the number of elements, as an int64 scalar.  source: ONNX Size-13 */
#include "ops/ops_priv.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "Size", 1, err);
    return s == OK ? op_output(ctx, 0, "Size", DT_I64, 0, NULL, err) : s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    *(int64_t *)ctx->out[0]->data = tensor_count(ctx->in[0]);
    return OK;
}

const struct op op_size = {
    .domain = "",
    .name = "Size",
    .code = OP_CODE_size,
    .since = {1, 13},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_SHAPE_ONLY | OP_STRINGS,
    .infer = infer,
    .run = run,
};
