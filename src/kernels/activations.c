/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The activations, made from the list in activations.h. */
#include "kernels/activations.h"

#include <math.h>

#define LOOP(name, type, value)                                                                    \
    void name(int64_t n, const void *px, void *py, const double p[2])                              \
    {                                                                                              \
        const type *in = px;                                                                       \
        type *y = py;                                                                              \
        UNUSED(p);                                                                                 \
        for (int64_t i = 0; i < n; i++) {                                                          \
            double x = (double)in[i];                                                              \
            y[i] = (type)(value);                                                                  \
        }                                                                                          \
    }
#define X(name, value) LOOP(name##_f32, float, value) LOOP(name##_f64, double, value)
ACTIVATION_KERNELS(X)
#undef X
