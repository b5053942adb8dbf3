/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Gemm and roost.FusedGemm are one product; the fused one has an epilogue. */
#ifndef ROOST_OPS_GEMM_COMMON_H
#define ROOST_OPS_GEMM_COMMON_H

#include "ops/ops_priv.h"

struct gemm_params {
    float alpha, beta;
    bool trans_a, trans_b;
    struct epilogue epilogue;
};

enum status gemm_prepare(const struct op_node *node, struct gemm_params *p,
                         struct err *err) WARN_UNUSED;
enum status gemm_infer(struct op_infer *ctx, const char *op, struct err *err) WARN_UNUSED;
enum status gemm_run(const struct op_run *ctx, struct err *err) WARN_UNUSED;

#endif
