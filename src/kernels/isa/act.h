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

#endif
