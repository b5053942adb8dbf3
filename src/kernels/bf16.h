/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Runs of bfloat16 from and to float32, rounded to nearest, ties to even; a NaN stays one. What
 * they do to an element, bf16_to_f32 and f32_to_bf16 (tensor/tensor.h) specify.
 *
 * thread: any   locks: none   blocks: no */
#ifndef ROOST_KERNELS_BF16_H
#define ROOST_KERNELS_BF16_H

#include "base/base.h"

void bf16_widen(int64_t n, const uint16_t *x, float *y);
/* y may be where x is: its elements are written behind those that are read. */
void bf16_narrow(int64_t n, const float *x, uint16_t *y);

#endif
