/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Products with a packed right side in seven eighths of the multiplications: one level of
 * Strassen's recursion, in Winograd's form. Both sides are cut into quarters; seven products of
 * sums of quarters, and sums of those, make the four quarters of the result. The right side's sums
 * are made beforehand and are what is packed, so that it takes seven quarters instead of four.
 *
 * Its specification is packed_f32_ref of what the sides were made of. The error is larger than that
 * of a plain product: it goes with the largest numbers of a quarter's row and column, not with
 * those of the sum at hand; and what is not a number reaches the partner of its row in the other
 * half too. So halves are of what belongs together. source: V. Strassen, "Gaussian elimination is
 * not optimal" (1969); S. Winograd's form with 15 additions, as in G. Golub and C. Van Loan,
 * "Matrix Computations", section 1.3.8 */
#ifndef ROOST_KERNELS_STRASSEN_H
#define ROOST_KERNELS_STRASSEN_H

#include "kernels/packed.h"

/* The right sides, in the order in which they stand: quarters, and sums of them, of b [k][n]. */
enum {
    STRASSEN_11,
    STRASSEN_21,
    STRASSEN_22,
    STRASSEN_FALL,  /* 12 - 11 */
    STRASSEN_CROSS, /* 11 + 22 - 12 */
    STRASSEN_RISE,  /* 22 - 12 */
    STRASSEN_LESS,  /* 12 + 21 - 11 - 22 */
    STRASSEN_SIDES
};

/* y = act(x w + bias + sum), as packed_f32. product.w is [STRASSEN_SIDES][n / 32][k / 2][16]; n is
 * a multiple of 32, k is even, and neither is 0. */
struct strassen {
    struct packed product;
    float *scratch; /* strassen_scratch bytes */
};

/* Can a right side of that size be cut?  thread: any */
bool strassen_can(int64_t n, int64_t k);
/* Does it also take less time, by measurements that stand for all machines? The sums cost something
 * for each number of both sides, so all three must be long.  rows: of the left side, at least */
bool strassen_pays(int64_t rows, int64_t n, int64_t k);
/* False when there is no such number. */
bool strassen_scratch(int64_t m, int64_t k, uint64_t *bytes) WARN_UNUSED;

/* Two phases: sums of the left side, then products; the items of one may be computed in any order
 * and by several threads, and all of the first come before the second. */
enum { STRASSEN_PHASES = 2 };
int64_t strassen_items(const struct strassen *s, int phase);
void strassen_f32(const struct strassen *s, int phase, int64_t from, int64_t to);

/* Lays out what p describes; p->to: STRASSEN_SIDES * n * k / 4 floats. part: n * k / 4 more, for
 * use meanwhile. */
void strassen_pack(const struct packing *p, float *part);

#endif
