/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The fast walk. One step of a walk is a chain of dependent loads; LANES independent walks side by
 * side keep the processor busy meanwhile. The lanes are rows of one tree while there are enough
 * rows (the tree's nodes stay in the nearest cache), and trees of one row for what is left over.
 * A step has no branch; a lane that has reached its leaf stays there until all have. Leaves are
 * added in the order of the trees, so the sums are those of the plain walk bit for bit. */
#include <string.h>

#include "kernels/trees.h"

enum {
    LANES = 8,
    BURST = 8, /* steps between two looks whether all lanes have arrived: deep ragged trees */
};

/* The node after n for a row; n itself for a leaf. Bit arithmetic on purpose: a branch here would
 * be mispredicted every second time. */
static inline uint32_t step(const struct tree_node *n, const float *row)
{
    uint32_t bits, what = n->what;
    float x;
    memcpy(&bits, row + (what & TREE_FEATURE_MASK), sizeof(bits));
    bits ^= what & TREE_FLIP; /* the sign of x */
    memcpy(&x, &bits, sizeof(x));
    return n->first + ((uint32_t)(x < n->cond) & what >> 30);
}

static inline bool at_leaves(const struct tree_node *nodes, const uint32_t at[LANES])
{
    uint32_t splits = 0;
    for (int i = 0; i < LANES; i++)
        splits |= nodes[at[i]].what;
    return !(splits & TREE_SPLITS);
}

/* at: where each lane begins, and where it ends: at a leaf, after `depth` steps at most. Splits by
 * category are taken for numbers: the caller walks such trees again. */
static inline void walk(const struct tree_node *nodes, const float *const rows[LANES],
                        uint32_t depth, uint32_t at[LANES])
{
    for (uint32_t steps = 1; steps <= depth; steps++) {
        for (int i = 0; i < LANES; i++)
            at[i] = step(nodes + at[i], rows[i]);
        if (steps % BURST == 0 && at_leaves(nodes, at))
            return;
    }
}

/* LANES rows through all trees, one tree at a time. */
static void by_rows(const struct tree_table *t, const float *x, float *margins)
{
    const float *rows[LANES];
    for (int i = 0; i < LANES; i++) {
        rows[i] = x + (size_t)i * t->n_features;
        memcpy(margins + (size_t)i * t->n_groups, t->base, t->n_groups * sizeof(*margins));
    }
    for (uint32_t k = 0; k < t->n_trees; k++) {
        const struct tree_head *tree = t->trees + k;
        if (tree->walk & TREE_HAS_CATEGORIES) {
            for (int i = 0; i < LANES; i++)
                trees_add(t, tree, trees_leaf(t, tree->root, rows[i]),
                          margins + (size_t)i * t->n_groups);
            continue;
        }
        uint32_t at[LANES];
        for (int i = 0; i < LANES; i++)
            at[i] = tree->root;
        walk(t->nodes, rows, tree->walk & TREE_DEPTH_MASK, at);
        for (int i = 0; i < LANES; i++)
            trees_add(t, tree, t->nodes + at[i], margins + (size_t)i * t->n_groups);
    }
}

/* One row through all trees, LANES trees at a time; the last lanes may repeat a tree. */
static void by_trees(const struct tree_table *t, const float *row, float *margins)
{
    const float *rows[LANES];
    for (int i = 0; i < LANES; i++)
        rows[i] = row;
    memcpy(margins, t->base, t->n_groups * sizeof(*margins));
    for (uint32_t k = 0; k < t->n_trees; k += LANES) {
        uint32_t at[LANES], lanes = MIN(t->n_trees - k, LANES), depth = 0;
        for (uint32_t i = 0; i < LANES; i++) {
            const struct tree_head *tree = t->trees + k + MIN(i, lanes - 1);
            at[i] = tree->root;
            depth = MAX(depth, tree->walk & TREE_DEPTH_MASK);
        }
        walk(t->nodes, rows, depth, at);
        for (uint32_t i = 0; i < lanes; i++) {
            const struct tree_head *tree = t->trees + k + i;
            bool again = tree->walk & TREE_HAS_CATEGORIES;
            trees_add(t, tree, again ? trees_leaf(t, tree->root, row) : t->nodes + at[i], margins);
        }
    }
}

void trees_margins(const struct tree_table *t, const float *x, int64_t rows, float *margins)
{
    int64_t r = 0;
    for (; r + LANES <= rows; r += LANES)
        by_rows(t, x + r * t->n_features, margins + r * t->n_groups);
    for (; r < rows; r++)
        by_trees(t, x + r * t->n_features, margins + r * t->n_groups);
}
