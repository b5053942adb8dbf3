/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The fast walk. One step of a walk is a chain of dependent loads; LANES independent walks side by
 * side keep the processor busy meanwhile. The lanes are rows of one tree while there are enough
 * rows (the tree's nodes stay in the nearest cache), and trees of one row for what is left over.
 * A step has no branch: a lane at a leaf stays there until all lanes have arrived. Leaves are added
 * in the order of the trees, so the sums are those of the plain walk bit for bit. */
#include <string.h>

#include "kernels/trees.h"

enum { LANES = 8 };

/* The node after n for the value x: the same one for a leaf. Written with bit arithmetic on purpose
 * (a branch here would be mispredicted every second time). */
static inline uint32_t step(const struct tree_node *n, float x)
{
    uint32_t what = n->what;
    uint32_t left = (uint32_t)(x < n->cond) | ((uint32_t)(x != x) & (what >> 31));
    return n->left + (what >> 30 & 1 & ~left);
}

/* at: where each lane begins, and where it ends: at a leaf. Splits by category are taken for
 * numbers: the caller walks such trees again. */
static inline void walk(const struct tree_node *nodes, const float *const rows[LANES],
                        uint32_t at[LANES])
{
    uint32_t moved;
    do {
        moved = 0;
        for (int i = 0; i < LANES; i++) {
            const struct tree_node *n = nodes + at[i];
            uint32_t next = step(n, rows[i][n->what & TREE_FEATURE_MASK]);
            moved |= next ^ at[i];
            at[i] = next;
        }
    } while (moved);
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
        float *m = margins + tree->group;
        if (tree->by_category) {
            for (int i = 0; i < LANES; i++)
                m[(size_t)i * t->n_groups] += trees_leaf(t, tree->root, rows[i]);
            continue;
        }
        uint32_t at[LANES];
        for (int i = 0; i < LANES; i++)
            at[i] = tree->root;
        walk(t->nodes, rows, at);
        for (int i = 0; i < LANES; i++)
            m[(size_t)i * t->n_groups] += t->nodes[at[i]].value;
    }
}

/* One row through all trees, LANES trees at a time. */
static void by_trees(const struct tree_table *t, const float *row, float *margins)
{
    const float *rows[LANES];
    for (int i = 0; i < LANES; i++)
        rows[i] = row;
    memcpy(margins, t->base, t->n_groups * sizeof(*margins));
    for (uint32_t k = 0; k < t->n_trees; k += LANES) {
        uint32_t at[LANES], lanes = MIN(t->n_trees - k, LANES);
        for (uint32_t i = 0; i < LANES; i++)
            at[i] = t->trees[k + MIN(i, lanes - 1)].root;
        walk(t->nodes, rows, at);
        for (uint32_t i = 0; i < lanes; i++) {
            const struct tree_head *tree = t->trees + k + i;
            margins[tree->group] +=
                tree->by_category ? trees_leaf(t, tree->root, row) : t->nodes[at[i]].value;
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
