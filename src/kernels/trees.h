/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Ensembles of decision trees. Tables are laid out for walking, and stand so in artifacts:
 *
 *   nodes:  tree after tree; inside a tree level by level, the two children of a node side by side
 *           (at `first` and first + 1), so that children always stand after their parent. A leaf's
 *           `first` is its own index.
 *   full:   trees whose leaves are all equally deep, in a form of their own (below).
 *   trees:  where each begins, in nodes or in full; which margin its leaf adds to, how deep it is.
 *   sets:   of categories: a count of words, then the words, bit c % 32 of word c / 32 for category
 *           c.
 *
 * A full tree of depth d takes 3 * 2^d words: 2^d splits of two words, then 2^d leaves. Its root is
 * split 1 and the children of split i are 2i and 2i + 1 (split 0 is not used); from 2^d on they are
 * the leaves. So no step reads where it leads to, and a walk through six levels touches five lines
 * of the cache. A split compares keys: integers in the order of the floats (tree_key).
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
/* tree_head.walk: the depth, the number of splits above the deepest leaf, and flags. */
#define TREE_DEPTH_MASK UINT32_C(0x0000ffff)
#define TREE_FULL (UINT32_C(1) << 30)           /* it stands in `full`; no other flag then */
#define TREE_HAS_CATEGORIES (UINT32_C(1) << 31) /* it may have splits by category or equality */

enum {
    TREE_FEATURES_MAX = 1 << 24,
    TREE_NODES_MAX = 1 << 28,
    TREE_GROUPS_MAX = 1 << 16,
    TREE_DEPTH_MAX = 4096,        /* splits above a leaf: bounds the work of one row */
    TREE_FULL_DEPTH_MAX = 6,      /* of trees in `full` */
    TREE_FULL_FEATURES_MAX = 128, /* of their keys there is room for a block of rows: trees that
                                   * look at more are walked as the specification is */
    TREE_CATEGORY_MAX = 1 << 24,  /* categories are below it: a float32 counts exactly so far */
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

/* Of a full tree: the second child when the key at `at` is below `key`. */
struct tree_split {
    int32_t key;
    uint32_t at; /* 4 * (2 * feature + flip): a byte offset where each feature's key stands as it
                  * is, and then negated */
};

struct tree_head {
    uint32_t root;  /* index in nodes, or of a word in full */
    uint32_t group; /* which margin */
    uint32_t walk;  /* depth | flag */
};

_Static_assert(sizeof(struct tree_node) == 12 && sizeof(struct tree_head) == 12 &&
                   sizeof(struct tree_split) == 8,
               "they stand in artifacts");

/* Keys are ordered as their floats are, -0 and 0 have one key, and tree_key(-x) is -tree_key(x).
 * But NaN is above all of them, so that it goes to the first child whichever sign is asked for; a
 * split that no value is below has INT32_MIN. */
static inline int32_t tree_key(float x)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &x, sizeof(bits));
    int32_t size = (int32_t)(bits & 0x7fffffffu);
    if (size > 0x7f800000)
        return INT32_MAX;
    return bits >> 31 ? -size : size;
}

static inline uint32_t tree_full_words(uint32_t depth)
{
    return 3u << depth;
}

/* Borrowed; proven by the tree operator's check before a kernel sees it. */
struct tree_table {
    const struct tree_node *nodes; /* NULL when all trees are in full */
    const int32_t *full;           /* words; NULL when none is */
    const struct tree_head *trees;
    const uint32_t *sets;
    const float *base; /* n_groups: where the margins start */
    const float
        *vectors; /* rows of n_groups, which leaves name and add; NULL: leaves hold values */
    uint32_t n_trees;
    uint32_t n_groups;
    uint32_t n_features; /* that splits ask for, at least 1 */
    uint32_t x_step;     /* columns of x, at least n_features */
};

/* Walks every tree for every row. Leaves are added to base in the order of the trees, each sum
 * rounded to float32, as XGBoost does: both twins give the same bits.
 * shapes:  x[rows][x_step] -> margins[rows][n_groups] */
void trees_margins(const struct tree_table *t, const float *x, int64_t rows, float *margins);
void trees_margins_ref(const struct tree_table *t, const float *x, int64_t rows, float *margins);

/* What stands in the leaf that one row reaches in one tree, a value or the number of a vector: the
 * specification of a walk. */
const float *trees_leaf(const struct tree_table *t, const struct tree_head *tree, const float *row);

/* Adds what a leaf of `tree` holds to the margins of one row. */
static inline void trees_add(const struct tree_table *t, const struct tree_head *tree,
                             const float *leaf, float *margins)
{
    if (!t->vectors) {
        margins[tree->group] += *leaf;
        return;
    }
    uint32_t which;
    __builtin_memcpy(&which, leaf, sizeof(which));
    const float *vector = t->vectors + (size_t)which * t->n_groups;
    for (uint32_t i = 0; i < t->n_groups; i++)
        margins[i] += vector[i];
}

#endif
