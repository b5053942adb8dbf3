/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.FusedGemm: act(Gemm(A, B, C)). Gemm-13's operands and attributes, activation, act_low,
 * act_high.  source: ours */
#include "ops/gemm_common.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct gemm_params *p = params;
    enum status s = gemm_prepare(node, p, err);
    return s == OK ? op_activation(node, &p->epilogue, err) : s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return gemm_infer(ctx, "FusedGemm", err);
}

const struct op op_fused_gemm = {
    .domain = "roost",
    .name = "FusedGemm",
    .code = OP_CODE_fused_gemm,
    .since = {1},
    .types = OP_T(F32),
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct gemm_params),
    .prepare = prepare,
    .infer = infer,
    .run = gemm_run,
};
