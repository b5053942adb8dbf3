/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* float16 and bfloat16 operands are computed in float32, a block at a time on the stack, and
 * rounded once per operator. */
#ifndef ROOST_OPS_HALF_H
#define ROOST_OPS_HALF_H

#include "kernels/activations.h"
#include "kernels/elementwise.h"
#include "tensor/tensor.h"

enum { HALF_BLOCK = 256 };

static inline bool dtype_is_half(enum dtype t)
{
    return t == DT_F16 || t == DT_BF16;
}

/* x[n] <-> y[n], t is the dtype of the 16-bit side. */
void half_load(enum dtype t, int64_t n, const uint16_t *x, float *y);
void half_store(enum dtype t, int64_t n, const float *x, uint16_t *y);

/* As the float32 kernel f would do it. y may be x. */
void half_unary(enum dtype t, unary_fn *f, int64_t n, const void *x, void *y);
void half_activation(enum dtype t, activation_fn *f, int64_t n, const void *x, void *y,
                     const double p[2]);

/* One run of a binary operator; steps are 0 or 1. y may be an operand of step 1. */
struct half_run {
    enum dtype dtype;
    binary_fn *f;
    bool to_bool; /* f writes bytes, and so does the run */
    int64_t n;
    const void *a, *b;
    int64_t sa, sb;
    void *y;
};
void half_binary(const struct half_run *r);

#endif
