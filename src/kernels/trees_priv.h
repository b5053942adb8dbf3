/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Between trees.c and the kernels of full trees (isa/trees.c), which exist once per level of
 * kernels/cpu.h. */
#ifndef ROOST_KERNELS_TREES_PRIV_H
#define ROOST_KERNELS_TREES_PRIV_H

#include "kernels/trees.h"

enum {
    TREE_LANES = 10, /* trees side by side of one row */
    TREE_BLOCK = 32, /* rows side by side */
    /* Columns that stand in a block, 32 KiB of stack: what the nearest cache holds. */
    TREE_BLOCK_FEATURES_MAX = 128,
};

/* Every feature stands twice in what these kernels read, as it is and negated, so that TREE_FLIP
 * is part of a column's number. A node's `what` -> 2 * feature + flip. */
static inline uint32_t tree_column(uint32_t what)
{
    return (what << 1 | what >> 31) & (TREE_FEATURE_MASK << 1 | 1);
}

struct tree_kernels {
    /* What stands in the leaf (all 4 bytes: a value or a vector's number) of each row.
     * shapes:  tree[2^(depth + 1) - 1], depth <= TREE_FULL_DEPTH_MAX, no splits by category or
     *          equality; columns[2 * n_features][TREE_BLOCK] -> leaves[TREE_BLOCK], of which the
     *          first `rows` mean something (more lanes are computed than asked for) */
    void (*rows)(const struct tree_node *tree, uint32_t depth, const float *columns, int rows,
                 float *leaves);
    /* The same for one row and TREE_LANES such trees behind one another.
     * shapes:  trees[TREE_LANES * (2^(depth + 1) - 1)], row[2 * n_features] -> leaves[TREE_LANES]
     */
    void (*lanes)(const struct tree_node *trees, uint32_t depth, const float *row, float *leaves);
};

extern const struct tree_kernels tree_kernels_generic;
extern const struct tree_kernels tree_kernels_avx2;   /* x86-64 only */
extern const struct tree_kernels tree_kernels_avx512; /* x86-64 only */

#endif
