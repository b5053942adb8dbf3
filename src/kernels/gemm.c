/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Matrix products. Large ones go to OpenBLAS (the serial build: one invocation is one thread).
 * Products with few rows, the fully connected layers at batch 1, are bound by reading b once: they
 * have loops of their own, without the packing and set-up that cost more than a tiny model. */
#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels_priv.h"

enum {
    ROWS_MAX = 4,           /* rows up to which b is read in place */
    TINY_FLOPS = 16 * 1024, /* below this the set-up of a BLAS call dominates */
    BLAS_INT_MAX = 0x7fffffff
};

/* OpenBLAS picks its kernels by a list of processor models, and takes SSE3 ones for a processor
 * that is younger than its release (0.3.21 does so on Emerald Rapids: a tenth of the speed). What
 * the processor can do is the better witness. This runs before OpenBLAS's own constructor, which
 * reads the variable; one that the user set is left alone. */
__attribute__((constructor(101))) static void choose_blas_core(void)
{
    enum cpu_level level = cpu_level();
    if (level == CPU_AVX512)
        setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
    else if (level == CPU_AVX2)
        setenv("OPENBLAS_CORETYPE", "Haswell", 0);
    else if (cpu_level_most() != CPU_GENERIC) /* forced: what has SSE3 alone */
        setenv("OPENBLAS_CORETYPE", "Prescott", 0);
}

MULTI_ISA(static, float, dot, (const float *a, const float *b, int64_t n), (a, b, n))
{
    float lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] += a[i + j] * b[i + j];
    float sum = 0;
    for (; i < n; i++)
        sum += a[i] * b[i];
    for (int j = 0; j < LANES; j++)
        sum += lane[j];
    return sum;
}

/* y[n] += s * b[n] */
MULTI_ISA(static, void, add_scaled, (float *y, const float *b, float s, int64_t n), (y, b, s, n))
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        y[i] += s * b[i];
}

static float a_at(const struct gemm *g, int64_t i, int64_t p)
{
    return g->trans_a ? g->a[p * g->lda + i] : g->a[i * g->lda + p];
}

/* Row by row, b read along its own rows: dot products when it is transposed, else sums of rows. */
static void few_rows(const struct gemm *g)
{
    for (int64_t i = 0; i < g->m; i++) {
        float *y = g->y + i * g->ldy;
        if (!g->accumulate)
            memset(y, 0, (size_t)g->n * sizeof(y[0]));
        if (g->trans_b) {
            for (int64_t j = 0; j < g->n; j++)
                y[j] += g->alpha * dot(g->a + i * g->lda, g->b + j * g->ldb, g->k);
        } else {
            for (int64_t p = 0; p < g->k; p++)
                add_scaled(y, g->b + p * g->ldb, g->alpha * a_at(g, i, p), g->n);
        }
    }
}

static bool blas_can(const struct gemm *g)
{
    return g->m <= BLAS_INT_MAX && g->n <= BLAS_INT_MAX && g->k <= BLAS_INT_MAX &&
           g->lda <= BLAS_INT_MAX && g->ldb <= BLAS_INT_MAX && g->ldy <= BLAS_INT_MAX;
}

void gemm_f32(const struct gemm *g)
{
    if (g->m == 0 || g->n == 0)
        return;
    if (g->k == 0 || !blas_can(g)) {
        gemm_f32_ref(g);
        return;
    }
    bool rows_in_place = !(g->trans_a && g->trans_b);
    bool few = g->m <= ROWS_MAX || (double)g->m * (double)g->n * (double)g->k < TINY_FLOPS;
    if (few && rows_in_place) {
        few_rows(g);
        return;
    }
    cblas_sgemm(CblasRowMajor, g->trans_a ? CblasTrans : CblasNoTrans,
                g->trans_b ? CblasTrans : CblasNoTrans, (blasint)g->m, (blasint)g->n, (blasint)g->k,
                g->alpha, g->a, (blasint)g->lda, g->b, (blasint)g->ldb, g->accumulate ? 1.0f : 0.0f,
                g->y, (blasint)g->ldy);
}

void gemm_f32_ref(const struct gemm *g)
{
    for (int64_t i = 0; i < g->m; i++) {
        for (int64_t j = 0; j < g->n; j++) {
            float sum = 0;
            for (int64_t p = 0; p < g->k; p++)
                sum += a_at(g, i, p) * (g->trans_b ? g->b[j * g->ldb + p] : g->b[p * g->ldb + j]);
            float *y = &g->y[i * g->ldy + j];
            *y = g->alpha * sum + (g->accumulate ? *y : 0);
        }
    }
}

int gemm_blas_threading(void)
{
    return openblas_get_parallel();
}

const char *gemm_blas_core(void)
{
    return openblas_get_corename();
}
