/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Plain loops without a branch, which the compiler vectorises; see bf16.h. */
#include "kernels/bf16.h"

#include "kernels/kernels_priv.h"

/* The bits of a float32. */
typedef uint32_t float_bits __attribute__((may_alias));

MULTI_ISA(SHARED, void, bf16_widen, (int64_t n, const uint16_t *x, float *y), (n, x, y))
{
    float_bits *to = (float_bits *)y;
    INDEPENDENT
    for (int64_t i = 0; i < n; i++)
        to[i] = (uint32_t)x[i] << 16;
}

MULTI_ISA(SHARED, void, bf16_narrow, (int64_t n, const float *x, uint16_t *y), (n, x, y))
{
    const float_bits *from = (const float_bits *)x;
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        const uint32_t u = from[i], even = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
        y[i] = (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? u >> 16 | 0x40 : even);
    }
}
