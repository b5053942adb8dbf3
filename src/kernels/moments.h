/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the normalisations over a run of elements share. */
#ifndef ROOST_KERNELS_MOMENTS_H
#define ROOST_KERNELS_MOMENTS_H

#include "base/base.h"

/* The mean of x[n] and the mean squared distance from it, in two passes; 0 for n = 0. */
struct moments {
    float mean, variance;
};
struct moments moments_f32(int64_t n, const float *x);
struct moments moments_f32_ref(int64_t n, const float *x);

/* y = (x - mean) * factor * scale + bias, element by element; bias may be NULL, y may be x. */
struct normal_row {
    int64_t n;
    float mean, factor;
    const float *x, *scale, *bias;
    float *y;
};
void normal_row_f32(const struct normal_row *r);
void normal_row_f32_ref(const struct normal_row *r);

#endif
