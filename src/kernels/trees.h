/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Ensembles of decision trees. The tables are laid out for walking, and stand so in artifacts:
 *
 *   nodes:  tree after tree; inside a tree level by level, the two children of a node side by side
 *           (the right one at left + 1), so that children always stand after their parent. A leaf's
 *           `left` is its own index, which lets a walk go on at a leaf without moving.
 *   trees:  where each begins and which margin its leaf adds to.
 *   sets:   of categories: a count of words, then the words, bit c % 32 of word c / 32 for category
 *           c. A split by category goes right when the set holds the value.
 *
 * A number goes left when it is below `cond`, NaN (missing) where TREE_MISSING_LEFT says. */
#ifndef ROOST_KERNELS_TREES_H
#define ROOST_KERNELS_TREES_H

#include "base/base.h"

/* tree_node.what: a feature number and flags. */
#define TREE_FEATURE_MASK UINT32_C(0x00ffffff)
#define TREE_BY_CATEGORY (UINT32_C(1) << 29)
#define TREE_SPLITS (UINT32_C(1) << 30) /* not set: a leaf */
#define TREE_MISSING_LEFT (UINT32_C(1) << 31)

enum {
    TREE_FEATURES_MAX = 1 << 24,
    TREE_NODES_MAX = 1 << 28,
    TREE_GROUPS_MAX = 1 << 16,
    TREE_DEPTH_MAX = 4096,       /* splits above a leaf: bounds the work of one row */
    TREE_CATEGORY_MAX = 1 << 24, /* categories are below it: a float32 counts exactly so far */
};

struct tree_node {
    union {
        float cond;   /* a split: left when value < cond */
        float value;  /* a leaf */
        uint32_t set; /* TREE_BY_CATEGORY: offset in sets */
    };
    uint32_t what; /* feature | flags; 0 for a leaf */
    uint32_t left; /* index of the left child; of itself for a leaf */
};

struct tree_head {
    uint32_t root;        /* index in nodes */
    uint32_t group;       /* which margin */
    uint32_t by_category; /* 1: the tree has a split by category; 0: numbers only */
};

_Static_assert(sizeof(struct tree_node) == 12 && sizeof(struct tree_head) == 12,
               "they stand in artifacts");

/* Borrowed; proven by the tree operator's check before a kernel sees it. */
struct tree_table {
    const struct tree_node *nodes;
    const struct tree_head *trees;
    const uint32_t *sets;
    const float *base; /* n_groups: where the margins start */
    uint32_t n_trees;
    uint32_t n_groups;
    uint32_t n_features; /* columns of x, at least 1 */
};

/* Walks every tree for every row. Leaves are added to base in the order of the trees, each sum
 * rounded to float32, as XGBoost does: both twins give the same bits.
 * shapes:  x[rows][n_features] -> margins[rows][n_groups] */
void trees_margins(const struct tree_table *t, const float *x, int64_t rows, float *margins);
void trees_margins_ref(const struct tree_table *t, const float *x, int64_t rows, float *margins);

/* The leaf that one row reaches from one root: the specification of a walk. */
float trees_leaf(const struct tree_table *t, uint32_t root, const float *row);

#endif
