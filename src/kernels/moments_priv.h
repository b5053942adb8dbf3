/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What moments are made of, per CPU level. */
#ifndef ROOST_KERNELS_MOMENTS_PRIV_H
#define ROOST_KERNELS_MOMENTS_PRIV_H

#include "kernels/blocked_priv.h"
#include "kernels/moments.h"

ISA_EACH(float, moments_sum, (int64_t n, const float *x));
/* Of (x - shift)^2. */
ISA_EACH(float, moments_squares, (int64_t n, const float *x, float shift));

ISA_EACH(void, normal_row, (const struct normal_row *r));

#endif
