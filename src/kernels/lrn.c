/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Local response normalisation over channels, in pieces of a row, so that the sums stay in the
 * first-level cache. */
#include <math.h>
#include <string.h>

#include "kernels/kernels_priv.h"
#include "kernels/pool.h"

enum { PIECE = 256 };

MULTI_ISA(static, void, add_squares, (float *sum, const float *x, int64_t n), (sum, x, n))
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        sum[i] += x[i] * x[i];
}

/* sum^-0.75, the usual beta, without pow. */
MULTI_ISA(static, void, scale_three_quarters,
          (const struct lrn *l, const float *x, const float *sum, float *y, int64_t n),
          (l, x, sum, y, n))
{
    float each = l->alpha / (float)l->window;
    for (int64_t i = 0; i < n; i++) {
        float root = sqrtf(l->bias + each * sum[i]);
        y[i] = x[i] / (root * sqrtf(root));
    }
}

static void scale_any(const struct lrn *l, const float *x, const float *sum, float *y, int64_t n)
{
    float each = l->alpha / (float)l->window;
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] / powf(l->bias + each * sum[i], l->beta);
}

static void piece(const struct lrn *l, int64_t channel, int64_t at, int64_t n)
{
    float sum[PIECE];
    int64_t low = MAX(0, channel - (l->window - 1) / 2);
    int64_t high = MIN(l->channels, channel + l->window / 2 + 1);
    memset(sum, 0, (size_t)n * sizeof(sum[0]));
    for (int64_t c = low; c < high; c++)
        add_squares(sum, l->x + at + (c - channel) * l->size, n);
    if (l->beta == 0.75f)
        scale_three_quarters(l, l->x + at, sum, l->y + at, n);
    else
        scale_any(l, l->x + at, sum, l->y + at, n);
}

void lrn_f32(const struct lrn *l)
{
    for (int64_t row = 0; row < l->batch * l->channels; row++)
        for (int64_t i = 0; i < l->size; i += PIECE)
            piece(l, row % l->channels, row * l->size + i, MIN(PIECE, l->size - i));
}

void lrn_f64(const struct lrn *l, const double *x, double *y)
{
    double each = (double)l->alpha / (double)l->window;
    for (int64_t i = 0; i < l->batch * l->channels * l->size; i++) {
        int64_t channel = i / l->size % l->channels;
        int64_t low = MAX(0, channel - (l->window - 1) / 2);
        int64_t high = MIN(l->channels, channel + l->window / 2 + 1);
        double sum = 0;
        for (int64_t c = low; c < high; c++) {
            double v = x[i + (c - channel) * l->size];
            sum += v * v;
        }
        y[i] = x[i] / pow((double)l->bias + each * sum, (double)l->beta);
    }
}
