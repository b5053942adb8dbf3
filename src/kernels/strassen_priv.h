/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The kernels of strassen.h per CPU level. */
#ifndef ROOST_KERNELS_STRASSEN_PRIV_H
#define ROOST_KERNELS_STRASSEN_PRIV_H

#include "kernels/blocked_priv.h"

/* A row of the upper half and its partner of the lower one, n numbers left and n right, and where
 * the four sums of both go. */
struct strassen_row {
    const float *upper, *lower;
    float *sum[4];
    int64_t n;
};
ISA_EACH(void, strassen_sums, (const struct strassen_row *r));

/* to[i] = a[i] + b[i] for n numbers, a multiple of 16; to may be a or b. */
ISA_EACH(void, strassen_add, (float *to, const float *a, const float *b, int64_t n));

#endif
