/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Between trees.c, trees_full.c and the kernel of many rows (isa/trees.c), which exists once per
 * level of kernels/cpu.h. */
#ifndef ROOST_KERNELS_TREES_PRIV_H
#define ROOST_KERNELS_TREES_PRIV_H

#include "kernels/trees.h"

enum { TREE_BLOCK = 32 }; /* rows side by side: with all keys, 32 KiB of stack at most */

/* ---- trees_full.c: trees [k, end) in `full`, all of one depth ---- */

/* keys[2 * n_features]: each feature's key, then that negated (NaN's is not). */
void trees_full_keys(const struct tree_table *t, const float *row, int32_t *keys);
/* For one row, and trees from k on as long as they are full and of k's depth: the one behind them.
 * shapes: keys as above -> margins[n_groups], added to */
uint32_t trees_full_row(const struct tree_table *t, uint32_t k, const int32_t *keys,
                        float *margins);
/* columns[2 * n_features][TREE_BLOCK]: the keys of each of x[rows][x_step], as above; the lanes
 * behind the last row repeat it. */
void trees_full_columns(const struct tree_table *t, const float *x, int rows, int32_t *columns);
/* For `rows` rows, at most TREE_BLOCK.  shapes: columns as above -> margins[rows][n_groups] */
void trees_full_rows(const struct tree_table *t, uint32_t k, uint32_t end, const int32_t *columns,
                     int rows, float *margins);

/* ---- isa/trees.c ---- */

/* What stands in the leaf (all 4 bytes: a value or a vector's number) of each row, in each of n
 * trees behind one another, at least one.
 * shapes:  trees[n][3 * 2^depth] words, columns as above -> leaves[n][TREE_BLOCK], of which the
 *          first `rows` mean something (more lanes are computed than asked for) */
typedef void tree_rows_fn(const int32_t *trees, int n, uint32_t depth, const int32_t *columns,
                          int rows, float *leaves);
/* trees_full_columns, of at most TREE_FULL_FEATURES_MAX features. */
typedef void tree_columns_fn(const struct tree_table *t, const float *x, int rows,
                             int32_t *columns);
tree_rows_fn tree_rows_generic, tree_rows_avx2, tree_rows_avx512; /* the last two: x86-64 only */
tree_columns_fn tree_columns_generic, tree_columns_avx2, tree_columns_avx512;

#endif
