/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Matrix products whose right side was laid out beforehand, in panels of 16 columns: each row of a
 * panel is one cache line, and a panel is read from front to back. The layout is the same at every
 * CPU level, so that it may stand in artifacts. */
#ifndef ROOST_KERNELS_PACKED_H
#define ROOST_KERNELS_PACKED_H

#include "kernels/kernels.h"

enum { PANEL_COLUMNS = 16 };

static inline int64_t panel_count(int64_t n)
{
    return n / PANEL_COLUMNS + (n % PANEL_COLUMNS != 0);
}

/* y = act(x w + bias + sum).
 * shapes: x[m][k], w[panel_count(n)][k][16], bias[16 * panel_count(n)] or NULL, sum[m][n] or NULL
 *         -> y[m][n]; rows are ldx, ld_sum, ldy floats apart, ld_sum may be 0. y may be sum where
 *         the two have the same strides, and is nothing else's.
 * What w and bias hold for columns beyond n counts for nothing. With k = 0 the product is 0. Sums
 * run in an order of the kernel's choosing, which depends on m and n; a NaN in a row of x reaches
 * that row of y alone. */
struct packed {
    int64_t m, n, k;
    const float *x, *w, *bias, *sum;
    float *y;
    int64_t ldx, ld_sum, ldy;
    struct epilogue epilogue;
};

/* The product is cut into units, which may be computed in any order and by several threads. */
int64_t packed_units(const struct packed *p);
void packed_f32(const struct packed *p, int64_t from, int64_t to); /* units [from, to) */
void packed_f32_ref(const struct packed *p, int64_t from, int64_t to);

/* Lays out w for n columns: column j of row i of the product's right side is b[i * row + j *
 * column]. Columns beyond n are 0. to: panel_count(n) * k * 16 floats. */
struct packing {
    int64_t n, k;
    const float *b;
    int64_t row, column;
    float scale; /* a factor for all */
    float *to;
};
void pack_f32(const struct packing *p);

#endif
