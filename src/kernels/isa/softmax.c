/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Softmax of rows whose elements lie side by side, as attention's scores do: one pass for the
 * largest, one for exponentials and their sum, and one for the quotients, which attention leaves to
 * the end of its product. Arguments of exp are never positive here, which saves half of what exp
 * costs in general. A last, short register is filled up with -infinity, whose exponential is 0. */
#include "kernels/softmax_priv.h"

#include <math.h>
#include <string.h>

#include "kernels/isa/swap.h"

/* Registers in flight: maxima and sums of one lane would wait for each other. */
enum { CHAINS = 4, AT_ONCE = 16 /* rows */ };

/* Of them step by step: elsewhere there are too few registers. */
enum { STEP = ISA_LEVEL == 2 ? (int)CHAINS : 1 };

#define EACH_CHAIN                                                                                 \
    ISA_UNROLL(4)                                                                                  \
    for (int c = 0; c < CHAINS; c++)

#define MOST_OF(swap) v = larger(swap(v), v);
#define SUM_OF(swap) v += swap(v);

/* The larger one; m where v is a NaN, as the instructions say it of their second operand. */
static inline vec larger(vec v, vec m)
{
#if ISA_LEVEL == 2
    return (vec)_mm512_max_ps((__m512)v, (__m512)m);
#elif ISA_LEVEL == 1
    return (vec)_mm256_max_ps((__m256)v, (__m256)m);
#elif defined(__SSE2__)
    return (vec)_mm_max_ps((__m128)v, (__m128)m);
#else
    return vec_pick(v > m, v, m);
#endif
}

/* p times power; 0 where x is below -87.3. */
static inline vec times_power(vec x, vec p, vec power)
{
#if ISA_LEVEL == 2
    const __mmask16 normal = _mm512_cmp_ps_mask((__m512)x, (__m512)vec_all(-87.3f), _CMP_NLT_UQ);
    return (vec)_mm512_maskz_mul_ps(normal, (__m512)p, (__m512)power);
#else
    return vec_less(x, vec_all(-87.3f), vec_all(0), p * power);
#endif
}

/* x becomes e^x for x <= 0, within 2 ulp; 0 below -87.3, where the result would be subnormal; NaN
 * stays. Step by step for all of them: one after the other, each would wait for itself.
 * source: as lane_exp of kernels/lanes.h, with one power of 2 since the exponent is -126 or more;
 * the polynomial is a fit of ours of degree 5 with e^0 = 1, 1e-7 from e^x for |x| < ln(2) / 2:
 * least squares of the relative error at 400 Chebyshev nodes, weights raised where it was largest
 */
static inline __attribute__((always_inline)) void exps_of(vec x[], const int many)
{
#define EACH                                                                                       \
    ISA_UNROLL(4)                                                                                  \
    for (int k = 0; k < many; k++)
    const vec magic = vec_all(12582912.0f);
    vec t[CHAINS], r[CHAINS], p[CHAINS];
    EACH t[k] = x[k] * 1.44269504f + magic; /* rounds: 1.5 * 2^23 has no fraction */
    EACH r[k] = t[k] - magic;
    /* Products that are not rounded need no second part of ln(2): they miss 2.4e-7 at -87. */
#if ISA_LEVEL > 0
    EACH r[k] = vec_fma(r[k], vec_all(-0.69314718f), x[k]);
#else
    EACH r[k] = x[k] - r[k] * 0.693359375f + r[k] * 2.12194440e-4f;
#endif
    EACH p[k] = r[k] * 8.290143737552465e-3f + 4.1898852251642714e-2f;
    EACH p[k] = p[k] * r[k] + 1.666764394819467e-1f;
    EACH p[k] = p[k] * r[k] + 4.9999142749009123e-1f;
    EACH p[k] = p[k] * r[k] + 9.999997036704235e-1f;
    EACH p[k] = p[k] * r[k] + 1.0f;
    /* The power of 2, from the sum's bits. */
    EACH t[k] = (vec)(((vec_bits)t[k] - 0x4b400000u + 127u) << 23);
    EACH x[k] = times_power(x[k], p[k], t[k]);
#undef EACH
}

static inline vec exp_of(vec x)
{
    exps_of(&x, 1);
    return x;
}

static inline vec load_some(const float *x, int64_t n)
{
    float all[VEC];
    for (int i = 0; i < VEC; i++)
        all[i] = i < n ? x[i] : -INFINITY;
    return vec_load(all);
}

static inline vec most_of(vec v)
{
    EACH_SWAP(MOST_OF)
    return v;
}

static inline vec sum_of(vec v)
{
    EACH_SWAP(SUM_OF)
    return v;
}

/* The largest in each lane of x[n]; a NaN is passed over: it comes back as the exponential of
 * itself. */
static inline vec largest(const float *x, int64_t n)
{
    vec all[CHAINS];
    int64_t i = 0;
    EACH_CHAIN all[c] = vec_all(-INFINITY);
    for (; i + CHAINS * VEC <= n; i += CHAINS * VEC)
        EACH_CHAIN all[c] = larger(vec_load(x + i + c * VEC), all[c]);
    for (; i + VEC <= n; i += VEC)
        all[0] = larger(vec_load(x + i), all[0]);
    if (i < n)
        all[1] = larger(load_some(x + i, n - i), all[1]);
    return larger(larger(all[0], all[1]), larger(all[2], all[3]));
}

/* y = e^(x - most); the sum of each lane. */
static inline vec exponentials(const float *x, float *y, vec most, int64_t n)
{
    vec sum[CHAINS];
    int64_t i = 0;
    EACH_CHAIN sum[c] = vec_all(0);
    for (; i + CHAINS * VEC <= n; i += CHAINS * VEC) {
        vec e[CHAINS];
        EACH_CHAIN e[c] = vec_load(x + i + c * VEC) - most;
        for (int c = 0; c < CHAINS; c += STEP)
            exps_of(e + c, STEP);
        EACH_CHAIN vec_store(y + i + c * VEC, e[c]);
        EACH_CHAIN sum[c] += e[c];
    }
    for (; i + VEC <= n; i += VEC) {
        vec e = exp_of(vec_load(x + i) - most);
        vec_store(y + i, e);
        sum[0] += e;
    }
    if (i < n) {
        float lane[VEC];
        vec e = exp_of(load_some(x + i, n - i) - most);
        vec_store(lane, e);
        memcpy(y + i, lane, (size_t)(n - i) * sizeof(*y));
        sum[1] += e;
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static inline void times(float *y, vec factor, int64_t n)
{
    int64_t i = 0;
    for (; i + VEC <= n; i += VEC)
        vec_store(y + i, vec_load(y + i) * factor);
    for (; i < n; i++)
        y[i] *= factor[0];
}

void ISA_NAME(softmax_row)(const float *x, float *y, int64_t n)
{
    times(y, 1.0f / sum_of(exponentials(x, y, most_of(largest(x, n)), n)), n);
}

/* Step by step for a few rows: within one, each step waits for the end of the one before it. */
static inline void weights(float *x, float *factor, int64_t n, int64_t rows)
{
    vec of[AT_ONCE];
    for (int64_t i = 0; i < rows; i++)
        of[i] = largest(x + i * n, n);
    for (int64_t i = 0; i < rows; i++)
        of[i] = most_of(of[i]);
    for (int64_t i = 0; i < rows; i++)
        of[i] = exponentials(x + i * n, x + i * n, of[i], n);
    for (int64_t i = 0; i < rows; i++)
        factor[i] = 1 / sum_of(of[i])[0];
}

void ISA_NAME(softmax_weights)(const struct softmax_rows *s, float *factor)
{
    for (int64_t i = 0; i < s->rows; i += AT_ONCE)
        weights(s->x + i * s->n, factor + i, s->n, MIN(s->rows - i, (int64_t)AT_ONCE));
}

void ISA_NAME(softmax_means)(const struct softmax_means *s, const float *factor)
{
    for (int64_t i = 0; i < s->rows; i++)
        times(s->y + i * s->ldy, vec_all(factor[i]), s->n);
}
