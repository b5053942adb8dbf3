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
/* Plain loops, which are their own specification; x and y stand beside p, whose own are not read.
 */
void average_pool_f64(const struct pool *p, const double *x, double *y);

/* Places of the window at output index `at` of dim d that count for a mean. */
int64_t pool_counted(const struct pool *p, int d, int64_t at);
/* Kernel places k of dim d with low <= at + k * dilation < high: [*first, *last). */
void pool_places(const struct pool *p, int d, int64_t at, int64_t low, int64_t high, int64_t *first,
                 int64_t *last);

/* Maxima of any elements, and where they stand: indices[planes][out...] (or NULL) counts elements
 * of x, plane after plane, each by rows or by columns. x and y stand beside p, whose own are not
 * read. A window with no place inside gives the least element, and its plane's first index. */
typedef void max_pool_any_fn(const struct pool *p, const void *x, void *y, int64_t *indices,
                             bool columns);
/* name, element, the number that an element v is, the least element */
#define MAX_POOL_ANY(X)                                                                            \
    X(f16, uint16_t, f16_to_f32(v), 0xfc00)                                                        \
    X(bf16, uint16_t, bf16_to_f32(v), 0xff80)                                                      \
    X(f32, float, v, -INFINITY)                                                                    \
    X(f64, double, v, -INFINITY)                                                                   \
    X(i8, int8_t, v, INT8_MIN)                                                                     \
    X(u8, uint8_t, v, 0)
#define X(name, type, number, least) max_pool_any_fn max_pool_any_##name;
MAX_POOL_ANY(X)
#undef X

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
/* A plain loop; l's own x and y are not read. */
void lrn_f64(const struct lrn *l, const double *x, double *y);

#endif
