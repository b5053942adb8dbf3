/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Softmax.  source: ONNX Softmax-11, Softmax-13 */
#include "ops/softmax_common.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return softmax_infer(ctx, "Softmax", err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return softmax_run(ctx, "Softmax", false, err);
}

const struct op op_softmax = {
    .domain = "",
    .name = "Softmax",
    .code = OP_CODE_softmax,
    .since = {1, 11, 13},
    .types = OP_FLOATS,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct softmax_params),
    .prepare = softmax_prepare,
    .infer = infer,
    .run = run,
};
