/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Matrix products of float64 and the integers: rows of b, scaled, are added to rows of y. Large
 * float64 ones go to OpenBLAS. */
#include "kernels/gemm_any.h"

#include <cblas.h>
#include <string.h>

#include "kernels/kernels_priv.h"

enum { TINY_FLOPS = 16 * 1024, BLAS_INT_MAX = 0x7fffffff };

/* name, element */
#define GEMM_ANY(X)                                                                                \
    X(gemm_u32, uint32_t)                                                                          \
    X(gemm_u64, uint64_t)                                                                          \
    X(gemm_f64_ref, double)

#define X(name, type)                                                                              \
    MULTI_ISA(static, void, name##_row,                                                            \
              (type * y, const type *b, type a, int64_t step, int64_t n), (y, b, a, step, n))      \
    {                                                                                              \
        INDEPENDENT                                                                                \
        for (int64_t j = 0; j < n; j++)                                                            \
            y[j] += a * b[j * step];                                                               \
    }                                                                                              \
    void name(const struct gemm_any *g)                                                            \
    {                                                                                              \
        const type *a = g->a, *b = g->b;                                                           \
        type *y = g->y;                                                                            \
        for (int64_t i = 0; i < g->m; i++, y += g->n) {                                            \
            memset(y, 0, (size_t)g->n * sizeof(type));                                             \
            for (int64_t p = 0; p < g->k; p++)                                                     \
                name##_row(y, g->trans_b ? b + p : b + p * g->n,                                   \
                           g->trans_a ? a[p * g->m + i] : a[i * g->k + p], g->trans_b ? g->k : 1,  \
                           g->n);                                                                  \
        }                                                                                          \
    }
GEMM_ANY(X)
#undef X

void gemm_f64(const struct gemm_any *g)
{
    bool fits = g->m <= BLAS_INT_MAX && g->n <= BLAS_INT_MAX && g->k <= BLAS_INT_MAX;
    if (!fits || g->k == 0 || (double)g->m * (double)g->n * (double)g->k < TINY_FLOPS) {
        gemm_f64_ref(g);
        return;
    }
    cblas_dgemm(CblasRowMajor, g->trans_a ? CblasTrans : CblasNoTrans,
                g->trans_b ? CblasTrans : CblasNoTrans, (blasint)g->m, (blasint)g->n, (blasint)g->k,
                1, g->a, (blasint)(g->trans_a ? g->m : g->k), g->b,
                (blasint)(g->trans_b ? g->k : g->n), 0, g->y, (blasint)g->n);
}
