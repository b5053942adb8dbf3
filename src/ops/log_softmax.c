/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LogSoftmax.  source: ONNX LogSoftmax-11, LogSoftmax-13 */
#include "ops/softmax_common.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return softmax_infer(ctx, "LogSoftmax", err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return softmax_run(ctx, "LogSoftmax", true, err);
}

const struct op op_log_softmax = {
    .domain = "",
    .name = "LogSoftmax",
    .code = OP_CODE_log_softmax,
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
