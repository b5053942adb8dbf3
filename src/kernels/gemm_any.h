/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Matrix products of other elements than float32. */
#ifndef ROOST_KERNELS_GEMM_ANY_H
#define ROOST_KERNELS_GEMM_ANY_H

#include "base/base.h"

/* y[m][n] = op(a)[m][k] op(b)[k][n]; all dense and row-major, op transposes. */
struct gemm_any {
    int64_t m, n, k;
    const void *a, *b;
    void *y;
    bool trans_a, trans_b;
};
typedef void gemm_any_fn(const struct gemm_any *g);
/* Integers wrap, so that each serves the signed ones of its width too. The integers' are plain
 * loops, which are their own specification. */
gemm_any_fn gemm_u32, gemm_u64, gemm_f64, gemm_f64_ref;

#endif
