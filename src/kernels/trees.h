/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Ensembles of decision trees. The tables are laid out for walking, and stand so in artifacts:
 *
 *   nodes:  tree after tree; inside a tree level by level, the two children of a node side by side
 *           (at `first` and first + 1), so that children always stand after their parent. A leaf's
 *           `first` is its own index.
 *   trees:  where each begins, which margin its leaf adds to, how deep it is.
 *   sets:   of categories: a count of words, then the words, bit c % 32 of word c / 32 for category
 *           c.
 *
 * A tree is full when all its leaves are equally deep: it has 2^(depth + 1) - 1 nodes then, and the
 * children of its node i stand at 2i + 1 and 2i + 2 of it. Full trees of no great depth, whose
 * splits are by number, are walked the fastest.
 *
 * NaN (missing) goes to the first child, always: whoever writes the tables puts that child first.
 *   by number:    the second child when x < cond; with TREE_FLIP when -x < cond
 *   by category:  the second child when the set holds x; with TREE_FLIP when it does not
 *   by equality:  the second child when x == cond; with TREE_FLIP when x != cond
 * So a step is one comparison whichever child missing values belong to. Comparisons are IEEE's,
 * denormals included: the tables rely on them, so a thread that walks must not flush them. */
#ifndef ROOST_KERNELS_TREES_H
#define ROOST_KERNELS_TREES_H

#include "base/base.h"

/* tree_node.what: a feature number and flags. */
#define TREE_FEATURE_MASK UINT32_C(0x00ffffff)
#define TREE_BY_EQUALITY (UINT32_C(1) << 28)
#define TREE_BY_CATEGORY (UINT32_C(1) << 29)
#define TREE_SPLITS (UINT32_C(1) << 30) /* not set: a leaf */
#define TREE_FLIP (UINT32_C(1) << 31)   /* where a float has its sign */
/* tree_head.walk: the depth, the number of splits above the deepest leaf, and a flag. */
#define TREE_DEPTH_MASK UINT32_C(0x0000ffff)
#define TREE_HAS_CATEGORIES (UINT32_C(1) << 31) /* it may have splits by category or equality */

enum {
    TREE_FEATURES_MAX = 1 << 24,
    TREE_NODES_MAX = 1 << 28,
    TREE_GROUPS_MAX = 1 << 16,
    TREE_DEPTH_MAX = 4096,       /* splits above a leaf: bounds the work of one row */
    TREE_FULL_DEPTH_MAX = 6,     /* of full trees that have kernels of their own */
    TREE_CATEGORY_MAX = 1 << 24, /* categories are below it: a float32 counts exactly so far */
};

struct tree_node {
    union {
        float cond;   /* a split by number or equality */
        float value;  /* a leaf */
        uint32_t set; /* a split by category: offset in sets; a leaf with a vector: which */
    };
    uint32_t what;  /* feature | flags; 0 for a leaf */
    uint32_t first; /* index of the first child; of itself for a leaf */
};

struct tree_head {
    uint32_t root;  /* index in nodes */
    uint32_t group; /* which margin */
    uint32_t walk;  /* depth | flag */
};

_Static_assert(sizeof(struct tree_node) == 12 && sizeof(struct tree_head) == 12,
               "they stand in artifacts");

/* Borrowed; proven by the tree operator's check before a kernel sees it. */
struct tree_table {
    const struct tree_node *nodes;
    const struct tree_head *trees;
    const uint32_t *sets;
    const float *base; /* n_groups: where the margins start */
    const float
        *vectors; /* rows of n_groups, which leaves name and add; NULL: leaves hold values */
    uint32_t n_trees;
    uint32_t n_nodes; /* of all trees: where the last one ends */
    uint32_t n_groups;
    uint32_t n_features; /* columns of x, at least 1 */
};

/* Walks every tree for every row. Leaves are added to base in the order of the trees, each sum
 * rounded to float32, as XGBoost does: both twins give the same bits.
 * shapes:  x[rows][n_features] -> margins[rows][n_groups] */
void trees_margins(const struct tree_table *t, const float *x, int64_t rows, float *margins);
void trees_margins_ref(const struct tree_table *t, const float *x, int64_t rows, float *margins);

/* The leaf that one row reaches from one root: the specification of a walk. */
const struct tree_node *trees_leaf(const struct tree_table *t, uint32_t root, const float *row);

/* Adds what a leaf of `tree` holds to the margins of one row. */
static inline void trees_add(const struct tree_table *t, const struct tree_head *tree,
                             const struct tree_node *leaf, float *margins)
{
    if (!t->vectors) {
        margins[tree->group] += leaf->value;
        return;
    }
    const float *vector = t->vectors + (size_t)leaf->set * t->n_groups;
    for (uint32_t i = 0; i < t->n_groups; i++)
        margins[i] += vector[i];
}

#endif
