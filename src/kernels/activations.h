/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Activations with up to two numbers of their own, p[0] and p[1], for float32 and float64. Each is
 * one plain loop in double precision and its own specification; elementwise.h has float32 kernels
 * of those that fast networks use. y may be x. */
#ifndef ROOST_KERNELS_ACTIVATIONS_H
#define ROOST_KERNELS_ACTIVATIONS_H

#include "base/base.h"

typedef void activation_fn(int64_t n, const void *x, void *y, const double p[2]);

/* name, in C: of one element x. A NaN stays one. */
#define ACTIVATION_KERNELS(X)                                                                      \
    X(alpha_elu, x < 0 ? p[0] * expm1(x) : x)                                                      \
    X(alpha_selu, p[1] * (x < 0 ? p[0] * expm1(x) : x))                                            \
    X(alpha_leaky_relu, x < 0 ? p[0] * x : x)                                                      \
    X(alpha_hard_sigmoid, x != x ? x : fmin(1, fmax(0, p[0] * x + p[1])))                          \
    X(alpha_celu, x < 0 ? p[0] * expm1(x / p[0]) : x)                                              \
    X(alpha_thresholded_relu, x <= p[0] ? 0 : x)                                                   \
    X(alpha_shrink, x<-p[0] ? x + p[1] : x> p[0] ? x - p[1] : x != x ? x : 0)

#define X(name, value) activation_fn name##_f32, name##_f64;
ACTIVATION_KERNELS(X)
#undef X

#endif
