/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Convolutions of float64. */
#ifndef ROOST_KERNELS_CONV_F64_H
#define ROOST_KERNELS_CONV_F64_H

#include "kernels/kernels.h"

/* As conv_f32 and conv_transpose_f32, but without sum and activation; of c the sizes are read, no
 * pointer. bias may be NULL. */
void conv_f64(const struct conv *c, const double *x, const double *w, const double *bias,
              double *y);
void conv_transpose_f64(const struct conv *c, const double *x, const double *w, const double *bias,
                        double *y);

#endif
