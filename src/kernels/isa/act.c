/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Activations that take longer than what they follow, on a row of whole blocks that is still in the
 * first-level cache. */
#include "kernels/act_priv.h"
#include "kernels/isa/isa.h"
#include "kernels/lanes.h"

/* x times (1 + erf(x / sqrt 2)) / 2, within 3e-7 |x|. From 5.5 on the factor is 1 (0 below), as
 * near as floats are.  source: the quotient is a fit of ours, 2e-8 from erf; how it was fitted:
 * weighted least squares at 4000 Chebyshev nodes of [0, 5.56], weights raised where the error was
 * largest */
static inline vec vec_gelu(vec x)
{
    const vec z = x * x;
    vec p = z * 4.479090520703721e-08f + 1.2706031156994868e-05f;
    p = p * z + 3.433291567489505e-04f;
    p = p * z + 9.388299658894539e-03f;
    p = p * z + 6.829982995986938e-02f;
    p = p * z + 7.97884464263916e-01f;
    vec q = z * 1.1872575669258367e-06f + 7.446148811141029e-05f;
    q = q * z + 1.900552655570209e-03f;
    q = q * z + 2.8812581673264503e-02f;
    q = q * z + 2.5226694345474243e-01f;
    q = q * z + 1.0f;
    vec y = x * 0.5f * (x * p / q + 1.0f);
    y = vec_pick(x > 5.5f, x, y);
    return vec_pick(x < -5.5f, x * 0.0f, y);
}

#define EACH(value)                                                                                \
    for (int64_t i = 0; i < n; i++) {                                                              \
        float x = y[i];                                                                            \
        y[i] = value;                                                                              \
    }                                                                                              \
    break;

void ISA_NAME(act_row)(const struct epilogue *e, float *restrict y, int64_t n)
{
    n = n / BLOCK * BLOCK;
    switch (e->act) {
    case ACT_LEAKY_RELU:
        EACH(x < 0 ? x * e->low : x)
    case ACT_SIGMOID:
        EACH(lane_sigmoid(x))
    case ACT_TANH:
        EACH(lane_tanh(x))
    case ACT_SILU:
        EACH(x * lane_sigmoid(x))
    case ACT_GELU:
        for (int64_t i = 0; i < n; i += VEC)
            vec_store(y + i, vec_gelu(vec_load(y + i)));
        break;
    case ACT_GELU_TANH:
        EACH(lane_gelu_tanh(x))
    default:
        epilogue_f32(e, y, 0, NULL, n);
        break;
    }
}
