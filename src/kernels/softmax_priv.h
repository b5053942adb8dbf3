/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The kernel of softmax per CPU level. */
#ifndef ROOST_KERNELS_SOFTMAX_PRIV_H
#define ROOST_KERNELS_SOFTMAX_PRIV_H

#include "kernels/blocked_priv.h"

/* y = softmax(x), n >= 1 elements; y may be x. A NaN makes the whole row NaN, as an infinity does
 * that is the largest element of its row. */
ISA_EACH(void, softmax_row, (const float *x, float *y, int64_t n));

#endif
