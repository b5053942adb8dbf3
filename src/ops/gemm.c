/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Gemm.  source: ONNX Gemm-6 (C must broadcast, with or without the attribute), 7, 9, 11, 13 */
#include "ops/as_f32.h"
#include "ops/gemm_common.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return gemm_prepare(node, params, err);
}

static enum status infer_own(struct op_infer *ctx, struct err *err)
{
    return gemm_infer(ctx, "Gemm", err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return as_f32_infer(ctx, "Gemm", infer_own, AS_F32_HALF, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return as_f32_run(ctx, gemm_run, AS_F32_HALF, err);
}

const struct op op_gemm = {
    .domain = "",
    .name = "Gemm",
    .code = OP_CODE_gemm,
    .since = {1, 6, 7, 9, 11, 13},
    .types = OP_FLOATS | OP_T(I32) | OP_T(I64) | OP_T(U32) | OP_T(U64),
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct gemm_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
