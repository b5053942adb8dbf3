/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Activations of a register. */
#ifndef ROOST_KERNELS_ACT_H
#define ROOST_KERNELS_ACT_H

#include <math.h>

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

/* The same within 3.1e-6 |x|, for what becomes a byte: two thirds of the time. A NaN stays.
 * source: as above, over [0, 5]; what is beyond takes the factors of the ends */
static inline vec vec_gelu_byte(vec x)
{
    const vec least = vec_clamp(x, vec_all(-5), vec_all(INFINITY));
    const vec near = vec_clamp(least, vec_all(-5), vec_all(5)), z = near * near;
    vec p = vec_fma(z, vec_all(3.099094977261985e-05f), vec_all(3.753537722207403e-03f));
    p = vec_fma(p, z, vec_all(2.818060992931398e-02f));
    p = vec_fma(p, z, vec_all(3.9893031232854176e-01f));
    vec q = vec_fma(z, vec_all(1.1140193691350788e-03f), vec_all(2.3998437976326642e-02f));
    q = vec_fma(q, z, vec_all(2.3722494277198694e-01f));
    q = vec_fma(q, z, vec_all(1.0f));
    return least * (near * p / q + 0.5f);
}

#endif
