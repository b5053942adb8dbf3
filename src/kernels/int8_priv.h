/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the products of bytes share. */
#ifndef ROOST_KERNELS_INT8_PRIV_H
#define ROOST_KERNELS_INT8_PRIV_H

#include "kernels/int8.h"

/* Element `at` of b less zero point number `zero`. */
static inline int32_t bytes_at(const struct bytes *b, int64_t at, int64_t zero)
{
    if (b->is_signed)
        return ((const int8_t *)b->data)[at] -
               (b->zero ? ((const int8_t *)b->zero)[b->zeros == 1 ? 0 : zero] : 0);
    return ((const uint8_t *)b->data)[at] -
           (b->zero ? ((const uint8_t *)b->zero)[b->zeros == 1 ? 0 : zero] : 0);
}

static inline int32_t bytes_zero(const struct bytes *b, int64_t i)
{
    if (!b->zero)
        return 0;
    i = b->zeros == 1 ? 0 : i;
    return b->is_signed ? ((const int8_t *)b->zero)[i] : ((const uint8_t *)b->zero)[i];
}

/* y[n] = b[at..at + n) less one zero point, as floats. */
void bytes_widen(const struct bytes *b, int64_t at, int32_t zero, int64_t n, float *y);

/* y[n] (+)= x[n], whole numbers below 2^31, modulo 2^32. */
void add_whole(int64_t n, const float *x, int32_t *y, bool accumulate);

#endif
