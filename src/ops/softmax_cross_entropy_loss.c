/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* SoftmaxCrossEntropyLoss; see loss.c.  source: ONNX SoftmaxCrossEntropyLoss-13 */
#include "ops/loss.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return loss_infer(ctx, "SoftmaxCrossEntropyLoss", err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return loss_run(ctx, "SoftmaxCrossEntropyLoss", true, err);
}

const struct op op_softmax_cross_entropy_loss = {
    .domain = "",
    .name = "SoftmaxCrossEntropyLoss",
    .code = OP_CODE_softmax_cross_entropy_loss,
    .since = {12, 13},
    .types = OP_FLOATS,
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 2,
    .params_bytes = sizeof(struct loss_params),
    .prepare = loss_prepare,
    .infer = infer,
    .run = run,
};
