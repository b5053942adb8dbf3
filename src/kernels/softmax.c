/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Softmax and log-softmax along one axis. The largest element is subtracted first, so that no
 * finite input overflows; a NaN anywhere makes its whole row NaN. */
#include <math.h>

#include "kernels/elementwise.h"
#include "kernels/softmax_priv.h"

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
    void (*const row)(const float *, float *, int64_t) = ISA_PICK(softmax_row);
    if (n == 0)
        return;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++)
            if (inner == 1 && !log)
                row(x + o * n, y + o * n, n);
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
