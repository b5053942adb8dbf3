/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Seeded numbers and comparison for the kernel tests. */
#ifndef ROOST_TESTS_KERNELS_SUPPORT_H
#define ROOST_TESTS_KERNELS_SUPPORT_H

#include <math.h>

#include "support/support.h"

/* splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). */
static inline uint64_t random_next(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline int64_t random_int(uint64_t *seed, int64_t low, int64_t high)
{
    return low + (int64_t)(random_next(seed) % (uint64_t)(high - low + 1));
}

/* In [-1, 1). */
static inline void random_fill(uint64_t *seed, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(random_next(seed) >> 40) * 0x1p-23f - 1;
}

/* |got - want| <= atol + rtol * |want|; NaN equals NaN; infinities equal themselves. */
static inline void expect_close(const float *got, const float *want, size_t n, double rtol,
                                double atol)
{
    for (size_t i = 0; i < n; i++) {
        double g = (double)got[i], w = (double)want[i];
        bool same = g == w || (isnan(g) && isnan(w)) || fabs(g - w) <= atol + rtol * fabs(w);
        if (!same) /* an assertion that holds costs a write: not one for each element */
            ck_abort_msg("element %zu is %.9g, expected %.9g", i, g, w);
    }
}

#endif
