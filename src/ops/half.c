/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* 16-bit floats in blocks; see half.h. */
#include "ops/half.h"

#include "kernels/bf16.h"

void half_load(enum dtype t, int64_t n, const uint16_t *x, float *y)
{
    if (t == DT_F16)
        for (int64_t i = 0; i < n; i++)
            y[i] = f16_to_f32(x[i]);
    else
        bf16_widen(n, x, y);
}

void half_store(enum dtype t, int64_t n, const float *x, uint16_t *y)
{
    if (t == DT_F16)
        for (int64_t i = 0; i < n; i++)
            y[i] = f32_to_f16(x[i]);
    else
        bf16_narrow(n, x, y);
}

void half_unary(enum dtype t, unary_fn *f, int64_t n, const void *x, void *y)
{
    float block[HALF_BLOCK];
    for (int64_t i = 0; i < n; i += HALF_BLOCK) {
        int64_t m = MIN(n - i, HALF_BLOCK);
        half_load(t, m, (const uint16_t *)x + i, block);
        f(m, block, block);
        half_store(t, m, block, (uint16_t *)y + i);
    }
}

void half_activation(enum dtype t, activation_fn *f, int64_t n, const void *x, void *y,
                     const double p[2])
{
    float block[HALF_BLOCK];
    for (int64_t i = 0; i < n; i += HALF_BLOCK) {
        int64_t m = MIN(n - i, HALF_BLOCK);
        half_load(t, m, (const uint16_t *)x + i, block);
        f(m, block, block, p);
        half_store(t, m, block, (uint16_t *)y + i);
    }
}

void half_binary(const struct half_run *r)
{
    float a[HALF_BLOCK], b[HALF_BLOCK], y[HALF_BLOCK];
    for (int64_t i = 0; i < r->n; i += HALF_BLOCK) {
        int64_t m = MIN(r->n - i, HALF_BLOCK);
        half_load(r->dtype, r->sa ? m : 1, (const uint16_t *)r->a + i * r->sa, a);
        half_load(r->dtype, r->sb ? m : 1, (const uint16_t *)r->b + i * r->sb, b);
        if (r->to_bool) {
            r->f(m, a, r->sa, b, r->sb, (uint8_t *)r->y + i);
            continue;
        }
        r->f(m, a, r->sa, b, r->sb, y);
        half_store(r->dtype, m, y, (uint16_t *)r->y + i);
    }
}
