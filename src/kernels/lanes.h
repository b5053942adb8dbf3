/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Transcendental functions of one float, written so that a loop over them vectorises: no branch, no
 * call, no table. The C library's are exact to the last bit and one at a time; these are within a
 * few units in the last place, as the comment of each says, and the same on every processor,
 * because products and sums are never contracted. */
#ifndef ROOST_KERNELS_LANES_H
#define ROOST_KERNELS_LANES_H

#include <math.h>

#include "kernels/kernels_priv.h"

/* 2^n for whole -127 <= n <= 128; 0 and infinity at the ends. The number is taken from where the
 * sum has it in its bits, because no cast of a NaN is defined; 0x4b400000 is 12582912.0f. */
static inline float lane_pow2(float n)
{
    union {
        uint32_t i;
        float f;
    } u = {.f = n + 12582912.0f};
    u.i = (u.i - 0x4b400000u + 127u) << 23;
    return u.f;
}

/* e^x within 2 ulp; 0 below -87.3, where the result would be subnormal; infinity above 88.7; NaN
 * stays.  source: reduction by n ln 2 in two parts after Cody and Waite; the polynomial is Cephes'
 * expf */
static inline float lane_exp(float x)
{
    float c = x < -87.3f ? -87.3f : x;
    c = c > 88.7f ? 88.7f : c;
    float n = c * 1.44269504f + 12582912.0f - 12582912.0f; /* rounds: 1.5 * 2^23 has no fraction */
    float r = c - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    float half = n * 0.5f + 12582912.0f - 12582912.0f; /* 2^128 is no float, its halves are */
    float y = p * lane_pow2(half) * lane_pow2(n - half);
    y = x < -87.3f ? 0.0f : y;
    return x > 88.7f ? (float)INFINITY : x != x ? x : y;
}

static inline float lane_sigmoid(float x)
{
    return 1.0f / (1.0f + lane_exp(-x));
}

/* Within 4 ulp.  source: the polynomial near 0 is Cephes' tanhf */
static inline float lane_tanh(float x)
{
    float a = x < 0 ? -x : x, z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    float near = p * z * x + x;
    float far = 1.0f - 2.0f / (lane_exp(2.0f * a) + 1.0f);
    far = x < 0 ? -far : far;
    return a < 0.625f ? near : far;
}

/* 1 - erf(a) for a >= 0, within 1e-6 relatively while a < 5.
 * source: Press and others, Numerical Recipes, 6.2: a Chebyshev fit of fractional error 1.2e-7 */
static inline float lane_erfc(float a)
{
    float t = 1.0f / (1.0f + 0.5f * a);
    float p = 0.17087277f;
    p = p * t - 0.82215223f;
    p = p * t + 1.48851587f;
    p = p * t - 1.13520398f;
    p = p * t + 0.27886807f;
    p = p * t - 0.18628806f;
    p = p * t + 0.09678418f;
    p = p * t + 0.37409196f;
    p = p * t + 1.00002368f;
    p = p * t - 1.26551223f;
    return t * lane_exp(p - a * a);
}

/* Within 4 ulp.  source: Maclaurin's series near 0 */
static inline float lane_erf(float x)
{
    float a = x < 0 ? -x : x, z = x * x;
    float q = 1.0f / 9360;
    q = q * z - 1.0f / 1320;
    q = q * z + 1.0f / 216;
    q = q * z - 1.0f / 42;
    q = q * z + 1.0f / 10;
    q = q * z - 1.0f / 3;
    float near = 1.12837917f * (q * z * x + x);
    float far = 1.0f - lane_erfc(a);
    far = x < 0 ? -far : far;
    return a < 0.75f ? near : far;
}

/* x times half of erfc(-x / sqrt 2): no cancellation below 0. */
static inline float lane_gelu(float x)
{
    float a = (x < 0 ? -x : x) * 0.70710678f;
    float tail = 0.5f * x * lane_erfc(a);
    return x < 0 ? tail : x - tail;
}

static inline float lane_gelu_tanh(float x)
{
    return 0.5f * x * (1.0f + lane_tanh(0.79788456f * (x + 0.044715f * x * x * x)));
}

#endif
