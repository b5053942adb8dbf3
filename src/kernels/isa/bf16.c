/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Runs of bfloat16; see kernels/bf16.h. What is left of a register goes one by one: where y lies on
 * x, nothing of x is there to be read again. */
#include "kernels/bf16.h"

#include "kernels/blocked_priv.h"
#include "kernels/isa/isa.h"
#include "tensor/tensor.h"

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
    for (; i + VEC <= n; i += VEC)
        vec_u16_store(y + i, vec_bf16(vec_load(x + i)));
    for (; i < n; i++)
        y[i] = f32_to_bf16(x[i]);
}
