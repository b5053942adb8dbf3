/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Softmax of a row whose elements lie side by side, as attention's scores do: one pass for the
 * largest, one for exponentials and their sum, one for the quotients. Arguments of exp are never
 * positive here, which saves half of what exp costs in general. A last, short register is filled up
 * with -infinity, whose exponential is 0. */
#include "kernels/softmax_priv.h"

#include <math.h>
#include <string.h>

#include "kernels/isa/isa.h"

/* Registers in flight: maxima and sums of one lane would wait for each other. */
enum { CHAINS = 4 };

#define EACH_CHAIN                                                                                 \
    ISA_UNROLL(4)                                                                                  \
    for (int c = 0; c < CHAINS; c++)

/* A register's lanes into the first, in pairs: one after the other they would wait for each other,
 * which shows in rows of a few registers. */
#define HALVE                                                                                      \
    ISA_UNROLL(4)                                                                                  \
    for (int half = VEC / 2; half > 0; half /= 2)                                                  \
        ISA_UNROLL(8)                                                                              \
    for (int j = 0; j < half; j++)

typedef uint32_t vec_bits __attribute__((vector_size(VEC * sizeof(float)), may_alias));

/* e^x for x <= 0, within 2 ulp; 0 below -87.3, where the result would be subnormal; NaN stays.
 * source: as lane_exp of kernels/lanes.h, with one power of 2 since the exponent is -126 or more */
static inline vec exp_of(vec x)
{
    const vec low = vec_all(-87.3f), magic = vec_all(12582912.0f);
    const vec c = vec_pick(x < low, low, x);
    const vec t = c * 1.44269504f + magic, n = t - magic; /* rounds: 1.5 * 2^23 has no fraction */
    const vec r = c - n * 0.693359375f + n * 2.12194440e-4f;
    vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const vec power = (vec)(((vec_bits)t - 0x4b400000u + 127u) << 23); /* n, from the sum's bits */
    return vec_pick(x < low, vec_all(0), p * power);
}

static inline vec load_some(const float *x, int64_t n)
{
    float all[VEC];
    for (int i = 0; i < VEC; i++)
        all[i] = i < n ? x[i] : -INFINITY;
    return vec_load(all);
}

/* The largest of x[n]; a NaN is passed over: it comes back as the exponential of itself. */
static float largest(const float *x, int64_t n)
{
    vec m[CHAINS];
    float lane[VEC];
    int64_t i = 0;
    EACH_CHAIN m[c] = vec_all(-INFINITY);
    for (; i + CHAINS * VEC <= n; i += CHAINS * VEC)
        EACH_CHAIN
        {
            vec v = vec_load(x + i + c * VEC);
            m[c] = vec_pick(v > m[c], v, m[c]);
        }
    for (; i < n; i += VEC) {
        vec v = n - i < VEC ? load_some(x + i, n - i) : vec_load(x + i);
        m[0] = vec_pick(v > m[0], v, m[0]);
    }
    EACH_CHAIN m[0] = vec_pick(m[c] > m[0], m[c], m[0]);
    vec_store(lane, m[0]);
    HALVE lane[j] = lane[j] > lane[j + half] ? lane[j] : lane[j + half];
    return lane[0];
}

/* y = e^(x - most); returns their sum. */
static float exponentials(const float *x, float *y, float most, int64_t n)
{
    vec sum[CHAINS];
    float lane[VEC], total = 0;
    int64_t i = 0;
    EACH_CHAIN sum[c] = vec_all(0);
    for (; i + CHAINS * VEC <= n; i += CHAINS * VEC)
        EACH_CHAIN
        {
            vec e = exp_of(vec_load(x + i + c * VEC) - most);
            vec_store(y + i + c * VEC, e);
            sum[c] += e;
        }
    for (; i + VEC <= n; i += VEC) {
        vec e = exp_of(vec_load(x + i) - most);
        vec_store(y + i, e);
        sum[0] += e;
    }
    if (i < n) {
        vec_store(lane, exp_of(load_some(x + i, n - i) - most));
        memcpy(y + i, lane, (size_t)(n - i) * sizeof(*y));
        for (int64_t j = 0; j < n - i; j++)
            total += lane[j];
    }
    EACH_CHAIN sum[0] += c ? sum[c] : vec_all(0);
    vec_store(lane, sum[0]);
    HALVE lane[j] += lane[j + half];
    return total + lane[0];
}

void ISA_NAME(softmax_row)(const float *x, float *y, int64_t n)
{
    const float scale = 1 / exponentials(x, y, largest(x, n), n);
    int64_t i = 0;
    for (; i + VEC <= n; i += VEC)
        vec_store(y + i, vec_load(y + i) * scale);
    for (; i < n; i++)
        y[i] *= scale;
}
