/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The choice of the level; see bf16.h. */
#include "kernels/bf16.h"

#include "kernels/blocked_priv.h"

void bf16_widen(int64_t n, const uint16_t *x, float *y)
{
    ISA_PICK(bf16_widen)(n, x, y);
}

void bf16_narrow(int64_t n, const float *x, uint16_t *y)
{
    ISA_PICK(bf16_narrow)(n, x, y);
}
