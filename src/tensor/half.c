/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* IEEE binary16 and bfloat16 in plain integer arithmetic; subnormals, infinities and NaN included.
 */
#include <string.h>

#include "tensor/tensor.h"

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof(u));
    return u;
}

static float float_of(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof(f));
    return f;
}

float f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exp = (h >> 10) & 31u, frac = h & 0x3ffu;
    if (exp == 31)
        return float_of(sign | 0x7f800000u | frac << 13);
    if (exp)
        return float_of(sign | (exp + 112u) << 23 | frac << 13);
    float small = (float)frac * 0x1p-24f;
    return sign ? -small : small;
}

/* v >> shift, rounded to nearest, ties to even. */
static uint32_t round_shift(uint32_t v, unsigned shift)
{
    uint32_t kept = v >> shift, rest = v & ((1u << shift) - 1u), half = 1u << (shift - 1);
    return kept + (rest > half || (rest == half && (kept & 1u)));
}

uint16_t f32_to_f16(float f)
{
    uint32_t u = bits_of(f), sign = (u >> 16) & 0x8000u, mag = u & 0x7fffffffu;
    if (mag > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u);
    if (mag >= 0x477ff000u) /* rounds to 65536 or more */
        return (uint16_t)(sign | 0x7c00u);
    if (mag < 0x33000000u) /* half of the smallest subnormal, or less */
        return (uint16_t)sign;
    if (mag < 0x38800000u) {
        unsigned exp = mag >> 23;
        uint32_t frac = (mag & 0x7fffffu) | 0x800000u;
        return (uint16_t)(sign | round_shift(frac, 126u - exp));
    }
    return (uint16_t)(sign | round_shift(mag - 0x38000000u, 13));
}

float bf16_to_f32(uint16_t h)
{
    return float_of((uint32_t)h << 16);
}

uint16_t f32_to_bf16(float f)
{
    uint32_t u = bits_of(f);
    if ((u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(u >> 16 | 0x40u);
    return (uint16_t)round_shift(u, 16);
}
