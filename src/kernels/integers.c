/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The integer kernels, made from the lists in integers.h. */
#include "kernels/integers.h"

#define X(name, type, value)                                                                       \
    void name(int64_t n, const void *px, void *py)                                                 \
    {                                                                                              \
        const type *in = px;                                                                       \
        type *y = py;                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                          \
            type x = in[i];                                                                        \
            y[i] = (type)(value);                                                                  \
        }                                                                                          \
    }
INTEGER_UNARY(X)
#undef X

#define X(name, type, result, value)                                                               \
    void name(int64_t n, const void *pa, int64_t sa, const void *pb, int64_t sb, void *py)         \
    {                                                                                              \
        const type *x = pa, *z = pb;                                                               \
        result *y = py;                                                                            \
        for (int64_t i = 0; i < n; i++) {                                                          \
            type a = x[i * sa], b = z[i * sb];                                                     \
            y[i] = (result)(value);                                                                \
        }                                                                                          \
    }
INTEGER_BINARY(X)
#undef X
