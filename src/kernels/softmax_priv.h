/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The kernel of softmax per CPU level. */
#ifndef ROOST_KERNELS_SOFTMAX_PRIV_H
#define ROOST_KERNELS_SOFTMAX_PRIV_H

#include "kernels/blocked_priv.h"

/* y = softmax(x), n >= 1 elements; y may be x. A NaN makes the whole row NaN, as an infinity does
 * that is the largest element of its row. */
ISA_EACH(void, softmax_row, (const float *x, float *y, int64_t n));

/* The same in two steps, for a product between them: x becomes e^(x - the largest of its row), and
 * factor[rows] what a row is yet to be multiplied by, 1 over its sum. */
struct softmax_rows {
    int64_t rows, n; /* n >= 1 */
    float *x;        /* [rows][n] */
};
ISA_EACH(void, softmax_weights, (const struct softmax_rows *s, float *factor));

/* y[rows][n] times the rows' factors; rows are ldy floats apart. */
struct softmax_means {
    int64_t rows, n, ldy;
    float *y;
};
ISA_EACH(void, softmax_means, (const struct softmax_means *s, const float *factor));

#endif
