/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pooling over up to three spatial dims, and local response normalisation over channels. */
#ifndef ROOST_KERNELS_POOL_H
#define ROOST_KERNELS_POOL_H

#include "base/base.h"

/* x[planes][in...] -> y[planes][out...]; leading dims of extent 1 fill up to three. Window places
 * outside x count for nothing; a window with no place inside gives -infinity, or a mean of 0. */
struct pool {
    int64_t planes;
    int64_t in[3], out[3], kernel[3], stride[3], dilation[3], pad[3], pad_end[3];
    bool count_pad; /* means: places in the padding count as zeros */
    const float *x;
    float *y;
};
/* A NaN in a window makes its maximum NaN. */
void max_pool_f32(const struct pool *p);
void max_pool_f32_ref(const struct pool *p);
void average_pool_f32(const struct pool *p);
void average_pool_f32_ref(const struct pool *p);

/* y = x / (bias + alpha / window * sum of x^2 over `window` channels around each)^beta
 * shapes: x[batch][channels][size] -> y[batch][channels][size]; y is not x */
struct lrn {
    int64_t batch, channels, size, window;
    float alpha, beta, bias;
    const float *x;
    float *y;
};
void lrn_f32(const struct lrn *l);
void lrn_f32_ref(const struct lrn *l);

#endif
