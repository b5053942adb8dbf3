/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Activations of a register. */
#ifndef ROOST_KERNELS_ACT_H
#define ROOST_KERNELS_ACT_H

#include "kernels/isa/isa.h"

/* x times (1 + erf(x / sqrt 2)) / 2, within 3e-7 |x|. From 5.5 on the factor is 1 (0 below), as
 * near as floats are.  source: the quotient is a fit of ours, 2e-8 from erf; how it was fitted:
 * weighted least squares at 4000 Chebyshev nodes of [0, 5.56], weights raised where the error was
 * largest */
static inline vec vec_gelu(vec x)
{
    const vec z = x * x;
    vec p = vec_fma(z, vec_all(4.479090520703721e-08f), vec_all(1.2706031156994868e-05f));
    p = vec_fma(p, z, vec_all(3.433291567489505e-04f));
    p = vec_fma(p, z, vec_all(9.388299658894539e-03f));
    p = vec_fma(p, z, vec_all(6.829982995986938e-02f));
    p = vec_fma(p, z, vec_all(7.97884464263916e-01f));
    vec q = vec_fma(z, vec_all(1.1872575669258367e-06f), vec_all(7.446148811141029e-05f));
    q = vec_fma(q, z, vec_all(1.900552655570209e-03f));
    q = vec_fma(q, z, vec_all(2.8812581673264503e-02f));
    q = vec_fma(q, z, vec_all(2.5226694345474243e-01f));
    q = vec_fma(q, z, vec_all(1.0f));
    const vec half = x * 0.5f, y = vec_fma(half, x * p / q, half);
    return vec_less(x, vec_all(-5.5f), x * 0.0f, vec_less(vec_all(5.5f), x, x, y));
}

#if ISA_LEVEL == 2
/* The same within 3.1e-6 |x|, for what becomes a byte: half the time. Step by step for all of them:
 * one after the other, each would wait for itself. A NaN stays.
 * source: as above, over [0, 5]; what is beyond takes the factors of the ends */
static inline __attribute__((always_inline)) void vec_gelu_bytes(vec x[], const int many)
{
    enum { MOST = 4 };
#define EACH ISA_UNROLL(4) for (int k = 0; k < many; k++)
    vec near[MOST], z[MOST], p[MOST], q[MOST];
    EACH x[k] = (vec)_mm512_max_ps((__m512)vec_all(-5), (__m512)x[k]);
    EACH near[k] = (vec)_mm512_min_ps((__m512)vec_all(5), (__m512)x[k]);
    EACH z[k] = near[k] * near[k];
    EACH p[k] = vec_fma(z[k], vec_all(3.099094977261985e-05f), vec_all(3.753537722207403e-03f));
    EACH q[k] = vec_fma(z[k], vec_all(1.1140193691350788e-03f), vec_all(2.3998437976326642e-02f));
    EACH p[k] = vec_fma(p[k], z[k], vec_all(2.818060992931398e-02f));
    EACH q[k] = vec_fma(q[k], z[k], vec_all(2.3722494277198694e-01f));
    EACH p[k] = vec_fma(p[k], z[k], vec_all(3.9893031232854176e-01f));
    EACH q[k] = vec_fma(q[k], z[k], vec_all(1.0f));
    EACH x[k] = x[k] * (near[k] * p[k] / q[k] + 0.5f);
#undef EACH
}

static inline vec vec_gelu_byte(vec x)
{
    vec_gelu_bytes(&x, 1);
    return x;
}
#endif

#endif
