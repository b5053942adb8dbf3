/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.FusedConv: act(Conv(X, W, B) + Z). Operands X, W, B (optional), Z (optional, the output's
 * shape); Conv-11's attributes, activation, act_low, act_high.  source: ours */
#include "ops/conv_common.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct conv_params *p = params;
    enum status s = conv_prepare(node, "FusedConv", p, err);
    return s == OK ? op_activation(node, &p->epilogue, err) : s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return conv_infer(ctx, "FusedConv", err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return conv_run(ctx, "FusedConv", err);
}

const struct op op_fused_conv = {
    .domain = "roost",
    .name = "FusedConv",
    .code = OP_CODE_fused_conv,
    .since = {1},
    .types = OP_T(F32),
    .in_min = 2,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct conv_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
