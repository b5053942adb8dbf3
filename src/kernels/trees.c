/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The fast walks. Full trees are trees_full.c's: a block of rows tree by tree, or what rows are
 * left over one by one, several trees side by side. Others are walked here: one step is a chain of
 * dependent loads, and LANES independent walks keep the processor busy meanwhile. The lanes are
 * rows of one tree in a block (the tree's nodes stay in the nearest cache), and trees of one row
 * otherwise. A step has no branch; a lane that has reached its leaf stays there until all have.
 * Leaves are added in the order of the trees, so the sums are those of the plain walk bit for bit.
 */
#include <string.h>

#include "kernels/trees_priv.h"

enum {
    LANES = 8,
    BURST = 8,     /* steps between two looks whether all lanes have arrived: deep ragged trees */
    ROWS_MIN = 13, /* from here on a block, of whose lanes some are idle, is the quicker way */
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

/* Where the run of full trees of one depth ends that begins at k; k where tree k is not full. */
static uint32_t full_end(const struct tree_table *t, uint32_t k)
{
    uint32_t walk = t->trees[k].walk, end = k;
    while (walk & TREE_FULL && end < t->n_trees && t->trees[end].walk == walk)
        end++;
    return end;
}

/* One tree as the specification has it, for each row. */
static void walk_plain(const struct tree_table *t, const struct tree_head *tree, const float *x,
                       int rows, float *margins)
{
    for (int i = 0; i < rows; i++, x += t->x_step, margins += t->n_groups)
        trees_add(t, tree, trees_leaf(t, tree, x), margins);
}

/* One tree of `nodes` without categories, for the rows of a block. */
static void walk_rows(const struct tree_table *t, const struct tree_head *tree, const float *x,
                      int rows, float *margins)
{
    const float *lanes[LANES];
    for (int from = 0; from < rows; from += LANES) {
        uint32_t at[LANES];
        int n = MIN(rows - from, LANES);
        for (int i = 0; i < LANES; i++) {
            lanes[i] = x + (size_t)(from + MIN(i, n - 1)) * t->x_step;
            at[i] = tree->root;
        }
        walk(t->nodes, lanes, tree->walk & TREE_DEPTH_MASK, at);
        for (int i = 0; i < n; i++)
            trees_add(t, tree, &t->nodes[at[i]].value, margins + (size_t)(from + i) * t->n_groups);
    }
}

/* At most TREE_BLOCK rows through all trees, one tree at a time. */
static void by_rows(const struct tree_table *t, const float *x, int rows, float *margins)
{
    int32_t columns[2 * TREE_FULL_FEATURES_MAX * TREE_BLOCK] __attribute__((aligned(64)));
    const bool keys = t->full && t->n_features <= TREE_FULL_FEATURES_MAX;
    if (keys)
        trees_full_columns(t, x, rows, columns);
    for (int i = 0; i < rows; i++)
        memcpy(margins + (size_t)i * t->n_groups, t->base, t->n_groups * sizeof(*margins));
    for (uint32_t k = 0; k < t->n_trees;) {
        const struct tree_head *tree = t->trees + k;
        uint32_t end = keys ? full_end(t, k) : k;
        if (end > k)
            trees_full_rows(t, k, end, columns, rows, margins);
        else if (tree->walk & (TREE_HAS_CATEGORIES | TREE_FULL))
            walk_plain(t, tree, x, rows, margins);
        else
            walk_rows(t, tree, x, rows, margins);
        k = MAX(end, k + 1);
    }
}

/* Trees [k, end), at most LANES, of `nodes`, for one row; the last lanes may repeat a tree. */
static void walk_lanes(const struct tree_table *t, uint32_t k, uint32_t end, const float *row,
                       float *margins)
{
    const float *rows[LANES];
    uint32_t at[LANES], lanes = end - k, depth = 0;
    for (uint32_t i = 0; i < LANES; i++) {
        const struct tree_head *tree = t->trees + k + MIN(i, lanes - 1);
        rows[i] = row;
        at[i] = tree->root;
        depth = MAX(depth, tree->walk & TREE_DEPTH_MASK);
    }
    walk(t->nodes, rows, depth, at);
    for (uint32_t i = 0; i < lanes; i++) {
        const struct tree_head *tree = t->trees + k + i;
        bool again = tree->walk & TREE_HAS_CATEGORIES;
        trees_add(t, tree, again ? trees_leaf(t, tree, row) : &t->nodes[at[i]].value, margins);
    }
}

/* Trees from k on that are not full, at most LANES of them. */
static uint32_t ragged_end(const struct tree_table *t, uint32_t k)
{
    uint32_t end = k;
    while (end < t->n_trees && end < k + LANES && !(t->trees[end].walk & TREE_FULL))
        end++;
    return end;
}

/* One row through all trees. */
static void by_trees(const struct tree_table *t, const float *row, float *margins)
{
    int32_t keys[2 * TREE_FULL_FEATURES_MAX];
    const bool have_keys = t->full && t->n_features <= TREE_FULL_FEATURES_MAX;
    if (have_keys)
        trees_full_keys(t, row, keys);
    memcpy(margins, t->base, t->n_groups * sizeof(*margins));
    for (uint32_t k = 0; k < t->n_trees;) {
        uint32_t end = k + 1;
        if (!(t->trees[k].walk & TREE_FULL)) {
            end = ragged_end(t, k);
            walk_lanes(t, k, end, row, margins);
        } else if (have_keys) {
            end = trees_full_row(t, k, keys, margins);
        } else {
            walk_plain(t, t->trees + k, row, 1, margins);
        }
        k = end;
    }
}

void trees_margins(const struct tree_table *t, const float *x, int64_t rows, float *margins)
{
    for (int64_t r = 0; r < rows;) {
        int64_t n = MIN(rows - r, TREE_BLOCK);
        const float *from = x + r * t->x_step;
        float *to = margins + r * t->n_groups;
        if (n >= ROWS_MIN)
            by_rows(t, from, (int)n, to);
        for (int64_t i = 0; n < ROWS_MIN && i < n; i++)
            by_trees(t, from + i * t->x_step, to + i * t->n_groups);
        r += n;
    }
}
