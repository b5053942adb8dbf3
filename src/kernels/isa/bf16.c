/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Runs of bfloat16; see kernels/bf16.h. What is left of a register goes one by one: where y lies on
 * x, nothing of x is there to be read again. */
#include "kernels/bf16.h"

#include "kernels/blocked_priv.h"
#include "kernels/isa/isa.h"
#include "tensor/tensor.h"

typedef uint32_t vec_bits __attribute__((vector_size(VEC * sizeof(float)), may_alias));

void ISA_NAME(bf16_widen)(int64_t n, const uint16_t *x, float *y)
{
    int64_t i = 0;
    for (; i + VEC <= n; i += VEC)
        vec_store(y + i, (vec)(vec_u16_load(x + i) << 16));
    for (; i < n; i++)
        y[i] = bf16_to_f32(x[i]);
}

void ISA_NAME(bf16_narrow)(int64_t n, const float *x, uint16_t *y)
{
    int64_t i = 0;
    for (; i + VEC <= n; i += VEC) {
        const vec v = vec_load(x + i);
        const vec_bits u = (vec_bits)v, even = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
        vec_u16_store(y + i, (vec_int)vec_pick(v != v, (vec)(u >> 16 | 0x40), (vec)even));
    }
    for (; i < n; i++)
        y[i] = f32_to_bf16(x[i]);
}
