/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Products of byte matrices by way of float32 blocks; int8.h says why they are exact. The blocks
 * are small enough for the second-level cache. */
#include "kernels/int8_priv.h"
#include "kernels/kernels_priv.h"

enum { BLOCK_ROWS = 256, BLOCK_COLUMNS = 512 };

MULTI_ISA(static, void, widen_u8, (const uint8_t *x, int32_t zero, int64_t n, float *y),
          (x, zero, n, y))
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(x[i] - zero);
}

MULTI_ISA(static, void, widen_i8, (const int8_t *x, int32_t zero, int64_t n, float *y),
          (x, zero, n, y))
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(x[i] - zero);
}

void bytes_widen(const struct bytes *b, int64_t at, int32_t zero, int64_t n, float *y)
{
    if (b->is_signed)
        widen_i8((const int8_t *)b->data + at, zero, n, y);
    else
        widen_u8((const uint8_t *)b->data + at, zero, n, y);
}

MULTI_ISA(static, void, widen_columns_u8,
          (const uint8_t *x, const uint8_t *zero, int64_t n, float *y), (x, zero, n, y))
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(x[i] - zero[i]);
}

MULTI_ISA(static, void, widen_columns_i8,
          (const int8_t *x, const int8_t *zero, int64_t n, float *y), (x, zero, n, y))
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(x[i] - zero[i]);
}

/* Zero points that change along the row: that of its first element is number `column`. */
static void widen_columns(const struct bytes *b, int64_t at, int64_t column, int64_t n, float *y)
{
    if (b->is_signed)
        widen_columns_i8((const int8_t *)b->data + at, (const int8_t *)b->zero + column, n, y);
    else
        widen_columns_u8((const uint8_t *)b->data + at, (const uint8_t *)b->zero + column, n, y);
}

MULTI_ISA(SHARED, void, add_whole, (int64_t n, const float *x, int32_t *y, bool accumulate),
          (n, x, y, accumulate))
{
    if (!accumulate) {
        for (int64_t i = 0; i < n; i++)
            y[i] = (int32_t)x[i];
        return;
    }
    for (int64_t i = 0; i < n; i++)
        y[i] = (int32_t)((uint32_t)y[i] + (uint32_t)(int32_t)x[i]);
}

/* Where the blocks stand in the scratch: a[rows][terms], b[terms][columns], y[rows][columns]. */
struct blocks {
    int64_t rows, columns, terms;
    float *a, *b, *y;
};

static struct blocks blocks_of(const struct gemm_i8 *g)
{
    struct blocks s = {.rows = MIN(g->m, BLOCK_ROWS),
                       .columns = MIN(g->n, BLOCK_COLUMNS),
                       .terms = MIN(g->k, EXACT_TERMS)};
    return s;
}

uint64_t gemm_i8_scratch(const struct gemm_i8 *g)
{
    struct blocks s = blocks_of(g);
    int64_t floats = s.rows * s.terms + s.terms * s.columns + s.rows * s.columns;
    return (uint64_t)floats * sizeof(float);
}

/* Columns [j, j + n), terms [p, p + k) of b are in the block; all rows of a go over it. */
static void all_rows(const struct gemm_i8 *g, const struct blocks *s, const int64_t at[2],
                     const int64_t size[2])
{
    int64_t p = at[0], j = at[1], k = size[0], n = size[1];
    for (int64_t i = 0; i < g->m; i += s->rows) {
        int64_t m = MIN(s->rows, g->m - i);
        for (int64_t r = 0; r < m; r++)
            bytes_widen(&g->a, (i + r) * g->k + p, bytes_zero(&g->a, i + r), k, s->a + r * k);
        struct gemm f = {.m = m, .n = n, .k = k, .lda = k, .ldb = n, .ldy = n, .alpha = 1};
        f.a = s->a;
        f.b = s->b;
        f.y = s->y;
        gemm_f32(&f);
        for (int64_t r = 0; r < m; r++)
            add_whole(n, s->y + r * n, g->y + (i + r) * g->n + j, p > 0);
    }
}

void gemm_i8(const struct gemm_i8 *g)
{
    if (g->k == 0) {
        for (int64_t i = 0; i < g->m * g->n; i++)
            g->y[i] = 0;
        return;
    }
    struct blocks s = blocks_of(g);
    s.a = g->scratch;
    s.b = s.a + s.rows * s.terms;
    s.y = s.b + s.terms * s.columns;
    bool one_zero = !g->b.zero || g->b.zeros == 1;
    for (int64_t j = 0; j < g->n; j += s.columns)
        for (int64_t p = 0; p < g->k; p += s.terms) {
            int64_t size[2] = {MIN(s.terms, g->k - p), MIN(s.columns, g->n - j)};
            for (int64_t r = 0; r < size[0]; r++) {
                float *row = s.b + r * size[1];
                if (one_zero)
                    bytes_widen(&g->b, (p + r) * g->n + j, bytes_zero(&g->b, 0), size[1], row);
                else
                    widen_columns(&g->b, (p + r) * g->n + j, j, size[1], row);
            }
            all_rows(g, &s, (const int64_t[]){p, j}, size);
        }
}

void gemm_i8_ref(const struct gemm_i8 *g)
{
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++) {
            uint32_t sum = 0;
            for (int64_t p = 0; p < g->k; p++)
                sum +=
                    (uint32_t)(bytes_at(&g->a, i * g->k + p, i) * bytes_at(&g->b, p * g->n + j, j));
            g->y[i * g->n + j] = (int32_t)sum;
        }
}
