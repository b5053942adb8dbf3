/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Activations as products of every kind apply them to what they have stored. */
#ifndef ROOST_KERNELS_ACT_PRIV_H
#define ROOST_KERNELS_ACT_PRIV_H

#include "kernels/blocked_priv.h"

/* y[i] = act(y[i]); n is taken as a multiple of 16. Within 1e-6 of the formula. */
ISA_EACH(void, act_row, (const struct epilogue *e, float *restrict y, int64_t n));

#endif
