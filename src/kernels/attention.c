/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Two matrix products with a softmax between them, a block of rows at a time. Blocks are as tall as
 * their scores fit the second-level cache: the products want tall ones. */
#include "kernels/attention.h"

#include <math.h>

#include "base/checked.h"
#include "kernels/kernels.h"

enum {
    SCORES = 1 << 16, /* of a block, aimed at: 256 KiB */
    ROWS_MIN = 16,
};

static int64_t block_rows(const struct attention *a)
{
    int64_t rows = MAX(SCORES / MAX(a->columns, 1), ROWS_MIN);
    return MIN(rows, a->rows);
}

bool attention_f32_scratch(const struct attention *a, uint64_t *bytes)
{
    return checked_mul((uint64_t)block_rows(a), (uint64_t)a->columns, bytes) &&
           checked_mul(*bytes, sizeof(float), bytes) && *bytes <= INT64_MAX;
}

static int64_t start(const struct attention_part *p, int64_t item, int64_t head, int64_t row)
{
    return item * p->item + head * p->head + row * p->row;
}

static void add_mask(const struct attention *a, const float *mask, float *scores, int64_t rows)
{
    for (int64_t i = 0; i < rows; i++, mask += a->mask.row, scores += a->columns) {
        if (a->mask_column) {
            for (int64_t j = 0; j < a->columns; j++)
                scores[j] += mask[j];
        } else {
            for (int64_t j = 0; j < a->columns; j++)
                scores[j] += mask[0];
        }
    }
}

static void one_block(const struct attention *a, int64_t item, int64_t head, int64_t row,
                      int64_t rows)
{
    float *scores = a->scratch;
    struct gemm g = {.m = rows, .n = a->columns, .k = a->depth, .alpha = a->scale};
    g.a = a->q.data + start(&a->q, item, head, row);
    g.lda = a->q.row;
    g.b = a->k.data + start(&a->k, item, head, 0);
    g.ldb = a->k.row;
    g.trans_b = !a->k_by_depth;
    g.y = scores;
    g.ldy = a->columns;
    gemm_f32(&g);
    if (a->mask.data)
        add_mask(a, a->mask.data + start(&a->mask, item, head, row), scores, rows);
    softmax_f32(rows, a->columns, 1, scores, scores, false);
    struct gemm h = {.m = rows, .n = a->width, .k = a->columns, .alpha = 1};
    h.a = scores;
    h.lda = a->columns;
    h.b = a->v.data + start(&a->v, item, head, 0);
    h.ldb = a->v.row;
    h.y = a->out + start(&a->y, item, head, row);
    h.ldy = a->y.row;
    gemm_f32(&h);
}

void attention_f32(const struct attention *a)
{
    int64_t step = block_rows(a);
    for (int64_t item = 0; item < a->batch; item++)
        for (int64_t head = 0; head < a->heads; head++)
            for (int64_t row = 0; row < a->rows; row += step)
                one_block(a, item, head, row, MIN(step, a->rows - row));
}

static double score(const struct attention *a, int64_t item, int64_t head, int64_t row, int64_t col)
{
    const float *q = a->q.data + start(&a->q, item, head, row);
    const float *k = a->k.data + start(&a->k, item, head, a->k_by_depth ? 0 : col);
    double sum = 0;
    for (int64_t d = 0; d < a->depth; d++)
        sum += (double)q[d] * (double)(a->k_by_depth ? k[d * a->k.row + col] : k[d]);
    sum *= (double)a->scale;
    if (a->mask.data)
        sum += (double)a->mask.data[start(&a->mask, item, head, row) + col * a->mask_column];
    return sum;
}

static void one_row_ref(const struct attention *a, int64_t item, int64_t head, int64_t row)
{
    float *y = a->out + start(&a->y, item, head, row);
    double most = -INFINITY, sum = 0;
    for (int64_t c = 0; c < a->columns; c++)
        most = fmax(most, score(a, item, head, row, c));
    for (int64_t c = 0; c < a->columns; c++)
        sum += exp(score(a, item, head, row, c) - most);
    for (int64_t e = 0; e < a->width; e++) {
        double value = 0;
        for (int64_t c = 0; c < a->columns; c++) {
            const float *v = a->v.data + start(&a->v, item, head, c);
            value += exp(score(a, item, head, row, c) - most) / sum * (double)v[e];
        }
        y[e] = (float)value;
    }
}

void attention_f32_ref(const struct attention *a)
{
    for (int64_t item = 0; item < a->batch; item++)
        for (int64_t head = 0; head < a->heads; head++)
            for (int64_t row = 0; row < a->rows; row++)
                one_row_ref(a, item, head, row);
}
