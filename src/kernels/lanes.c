/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The elementwise kernels of lanes.h: one plain loop each, which the compiler vectorises. Their
 * twins ask the C library, in double. */
#include <math.h>

#include "kernels/elementwise.h"
#include "kernels/lanes.h"

#define X(name, value, exact)                                                                      \
    MULTI_ISA(SHARED, void, name, (int64_t n, const void *px, void *py), (n, px, py))              \
    {                                                                                              \
        const float *in = px;                                                                      \
        float *y = py;                                                                             \
        INDEPENDENT                                                                                \
        for (int64_t i = 0; i < n; i++) {                                                          \
            float x = in[i];                                                                       \
            y[i] = value;                                                                          \
        }                                                                                          \
    }                                                                                              \
    void name##_ref(int64_t n, const void *px, void *py)                                           \
    {                                                                                              \
        const float *in = px;                                                                      \
        float *y = py;                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                          \
            double x = (double)in[i];                                                              \
            y[i] = (float)(exact);                                                                 \
        }                                                                                          \
    }
LANE_KERNELS(X)
#undef X
