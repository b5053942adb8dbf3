/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Sums of quarters of the left side, and of tiles of products; see kernels/strassen.c. */
#include "kernels/isa/isa.h"
#include "kernels/strassen_priv.h"

/* The numbers at `at` as T, a vector or one float. */
#define SUMS_AT(T)                                                                                 \
    {                                                                                              \
        const T a11 = *(const T *)(r->upper + i), a12 = *(const T *)(r->upper + r->n + i);         \
        const T a21 = *(const T *)(r->lower + i), a22 = *(const T *)(r->lower + r->n + i);         \
        const T both = a21 + a22, less = both - a11;                                               \
        *(T *)(r->sum[0] + i) = both;                                                              \
        *(T *)(r->sum[1] + i) = less;                                                              \
        *(T *)(r->sum[2] + i) = a11 - a21;                                                         \
        *(T *)(r->sum[3] + i) = a12 - less;                                                        \
    }

void ISA_NAME(strassen_sums)(const struct strassen_row *r)
{
    int64_t i = 0;
    for (; i + VEC <= r->n; i += VEC)
        SUMS_AT(vec_any)
    for (; i < r->n; i++)
        SUMS_AT(float)
}

void ISA_NAME(strassen_add)(float *to, const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i += VEC)
        vec_store(to + i, vec_load(a + i) + vec_load(b + i));
}
