/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Softmax and log-softmax along one axis. The largest element is subtracted first, so that no
 * finite input overflows; a NaN anywhere makes its whole row NaN. */
#include <math.h>

#include "kernels/elementwise.h"
#include "kernels/lanes.h"

/* The largest of x[n], NaN when there is one. n >= 1. */
static float largest(const float *x, int64_t n, int64_t stride)
{
    float m = x[0];
    for (int64_t i = 1; i < n; i++) {
        float v = x[i * stride];
        m = v > m || v != v ? v : m;
    }
    return m;
}

/* As above, but a NaN is passed over: it comes back as the exponential of itself. */
MULTI_ISA(static, float, row_largest, (const float *x, int64_t n), (x, n))
{
    float lane[LANES], m = -INFINITY;
    for (int j = 0; j < LANES; j++)
        lane[j] = -INFINITY;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    for (; i < n; i++)
        m = x[i] > m ? x[i] : m;
    for (int j = 0; j < LANES; j++)
        m = lane[j] > m ? lane[j] : m;
    return m;
}

MULTI_ISA(static, float, row_sum, (const float *x, int64_t n), (x, n))
{
    float lane[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] += x[i + j];
    for (; i < n; i++)
        sum += x[i];
    for (int j = 0; j < LANES; j++)
        sum += lane[j];
    return sum;
}

MULTI_ISA(static, void, row_exp, (const float *x, float *y, float m, int64_t n), (x, y, m, n))
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        y[i] = lane_exp(x[i] - m);
}

/* A line whose elements lie side by side. */
static void one_row(const float *x, float *y, int64_t n)
{
    row_exp(x, y, row_largest(x, n), n);
    affine_f32(n, y, y, 1 / row_sum(y, n), 0);
}

static void one_line(const float *x, float *y, int64_t n, int64_t stride, bool log)
{
    float m = largest(x, n, stride), sum = 0;
    for (int64_t i = 0; i < n; i++) {
        float d = x[i * stride] - m, e = expf(d);
        y[i * stride] = log ? d : e;
        sum += e;
    }
    float shift = log ? logf(sum) : 0, scale = 1 / sum;
    for (int64_t i = 0; i < n; i++)
        y[i * stride] = log ? y[i * stride] - shift : y[i * stride] * scale;
}

void softmax_f32(int64_t outer, int64_t n, int64_t inner, const float *x, float *y, bool log)
{
    if (n == 0)
        return;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++)
            if (inner == 1 && !log)
                one_row(x + o * n, y + o * n, n);
            else
                one_line(x + o * n * inner + i, y + o * n * inner + i, n, inner, log);
}

void softmax_f32_ref(int64_t outer, int64_t n, int64_t inner, const float *x, float *y, bool log)
{
    for (int64_t line = 0; line < outer * inner; line++) {
        int64_t at = line / inner * n * inner + line % inner;
        double sum = 0, m = -INFINITY;
        for (int64_t i = 0; i < n; i++) {
            double v = (double)x[at + i * inner];
            m = v > m || isnan(v) ? v : m;
        }
        for (int64_t i = 0; i < n; i++)
            sum += exp((double)x[at + i * inner] - m);
        for (int64_t i = 0; i < n; i++) {
            double d = (double)x[at + i * inner] - m;
            y[at + i * inner] = (float)(log ? d - log1p(sum - 1) : exp(d) / sum);
        }
    }
}
