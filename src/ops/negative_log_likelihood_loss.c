/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* NegativeLogLikelihoodLoss; see loss.c.  source: ONNX NegativeLogLikelihoodLoss-13 */
#include "ops/loss.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return loss_infer(ctx, "NegativeLogLikelihoodLoss", err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return loss_run(ctx, "NegativeLogLikelihoodLoss", false, err);
}

const struct op op_negative_log_likelihood_loss = {
    .domain = "",
    .name = "NegativeLogLikelihoodLoss",
    .code = OP_CODE_negative_log_likelihood_loss,
    .since = {12, 13, 22},
    .types = OP_FLOATS,
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct loss_params),
    .prepare = loss_prepare,
    .infer = infer,
    .run = run,
};
