/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Means and variances; the fast form sums in many float32 lanes (isa/moments.c), which rounds less
 * than one running sum would. */
#include "kernels/kernels_priv.h"
#include "kernels/moments_priv.h"

struct moments moments_f32(int64_t n, const float *x)
{
    struct moments m = {0, 0};
    if (n == 0)
        return m;
    m.mean = ISA_PICK(moments_sum)(n, x) / (float)n;
    m.variance = ISA_PICK(moments_squares)(n, x, m.mean) / (float)n;
    return m;
}

struct moments moments_f32_ref(int64_t n, const float *x)
{
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < n; i++)
        mean += (double)x[i] / (double)n;
    for (int64_t i = 0; i < n; i++)
        variance += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
    return (struct moments){(float)mean, (float)variance};
}

void normal_row_f32(const struct normal_row *r)
{
    ISA_PICK(normal_row)(r);
}

void normal_row_f32_ref(const struct normal_row *r)
{
    for (int64_t i = 0; i < r->n; i++)
        r->y[i] = (r->x[i] - r->mean) * r->factor * r->scale[i] + (r->bias ? r->bias[i] : 0);
}
