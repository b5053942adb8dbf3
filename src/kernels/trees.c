/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The fast walks. Full trees of no great depth go through the kernels of trees_priv.h: a block of
 * rows tree by tree, or what rows are left over one by one, several trees side by side. Others are
 * walked: one step is a chain of dependent loads, and LANES independent walks keep the processor
 * busy meanwhile. The lanes are rows of one tree in a block (the tree's nodes stay in the nearest
 * cache), and trees of one row otherwise. A step has no branch; a lane that has reached its leaf
 * stays there until all have. Leaves are added in the order of the trees, so the sums are those of
 * the plain walk bit for bit. */
#include <string.h>

#include "kernels/cpu.h"
#include "kernels/trees_priv.h"

enum {
    LANES = 8,
    BURST = 8,    /* steps between two looks whether all lanes have arrived: deep ragged trees */
    ROWS_MIN = 6, /* from here on a block, of whose lanes some are idle, is the quicker way */
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

static const struct tree_kernels *kernels(void)
{
#if defined(__x86_64__)
    enum cpu_level level = cpu_level();
    return level == CPU_AVX512 ? &tree_kernels_avx512
           : level == CPU_AVX2 ? &tree_kernels_avx2
                               : &tree_kernels_generic;
#else
    return &tree_kernels_generic;
#endif
}

/* How many trees from k on are full and as deep as tree k. 0: tree k is to be walked. */
static uint32_t count_full(const struct tree_table *t, uint32_t k)
{
    uint32_t depth = t->trees[k].walk, end = k;
    if (depth > TREE_FULL_DEPTH_MAX || t->n_features > TREE_BLOCK_FEATURES_MAX)
        return 0;
    uint32_t nodes = (2u << depth) - 1, root = t->trees[k].root;
    while (end < t->n_trees && t->trees[end].walk == depth) {
        uint32_t next = end + 1 < t->n_trees ? t->trees[end + 1].root : t->n_nodes;
        if (next - root != nodes)
            break;
        root = next;
        end++;
    }
    return end - k;
}

/* Adds what a leaf holds, a number or the number of a vector, to the margins of one row. */
static void add_leaf(const struct tree_table *t, const struct tree_head *tree, const float *leaf,
                     float *margins)
{
    struct tree_node node;
    memcpy(&node.value, leaf, sizeof(node.value));
    trees_add(t, tree, &node, margins);
}

/* One tree, many rows. */
static void add_rows(const struct tree_table *t, const struct tree_head *tree, const float *leaves,
                     int rows, float *margins)
{
    if (t->vectors || t->n_groups > 1) {
        for (int i = 0; i < rows; i++)
            add_leaf(t, tree, leaves + i, margins + (size_t)i * t->n_groups);
        return;
    }
    for (int i = 0; i < rows; i++)
        margins[i] += leaves[i];
}

/* Many trees, one row. A single sum stays in a register: each addition waits for the one before. */
static void add_trees(const struct tree_table *t, const struct tree_head *trees,
                      const float *leaves, uint32_t n, float *margins)
{
    if (t->vectors || t->n_groups > 1) {
        for (uint32_t i = 0; i < n; i++)
            add_leaf(t, trees + i, leaves + i, margins);
        return;
    }
    float sum = *margins;
    for (uint32_t i = 0; i < n; i++)
        sum += leaves[i];
    *margins = sum;
}

/* One tree that is not full, for the rows of a block. */
static void walk_rows(const struct tree_table *t, const struct tree_head *tree, const float *x,
                      int rows, float *margins)
{
    const float *lanes[LANES];
    for (int from = 0; from < rows; from += LANES) {
        uint32_t at[LANES];
        int n = MIN(rows - from, LANES);
        for (int i = 0; i < LANES; i++) {
            lanes[i] = x + (size_t)(from + MIN(i, n - 1)) * t->n_features;
            at[i] = tree->root;
        }
        bool plain = !(tree->walk & TREE_HAS_CATEGORIES);
        if (plain)
            walk(t->nodes, lanes, tree->walk & TREE_DEPTH_MASK, at);
        for (int i = 0; i < n; i++)
            trees_add(t, tree, plain ? t->nodes + at[i] : trees_leaf(t, tree->root, lanes[i]),
                      margins + (size_t)(from + i) * t->n_groups);
    }
}

/* columns[2 * n_features][TREE_BLOCK]; the lanes behind the last row repeat it. */
static void fill_columns(const struct tree_table *t, const float *x, int rows, float *columns)
{
    for (int i = 0; i < TREE_BLOCK; i++) {
        const float *row = x + (size_t)MIN(i, rows - 1) * t->n_features;
        for (uint32_t c = 0; c < t->n_features; c++) {
            columns[(2 * c) * TREE_BLOCK + (uint32_t)i] = row[c];
            columns[(2 * c + 1) * TREE_BLOCK + (uint32_t)i] = -row[c];
        }
    }
}

/* At most TREE_BLOCK rows through all trees, one tree at a time. */
static void by_rows(const struct tree_table *t, const float *x, int rows, float *margins)
{
    float columns[2 * TREE_BLOCK_FEATURES_MAX * TREE_BLOCK] __attribute__((aligned(64)));
    float leaves[TREE_BLOCK] __attribute__((aligned(64)));
    const struct tree_kernels *full = kernels();
    if (t->n_features <= TREE_BLOCK_FEATURES_MAX)
        fill_columns(t, x, rows, columns);
    for (int i = 0; i < rows; i++)
        memcpy(margins + (size_t)i * t->n_groups, t->base, t->n_groups * sizeof(*margins));
    for (uint32_t k = 0; k < t->n_trees;) {
        uint32_t end = k + count_full(t, k);
        if (end == k)
            walk_rows(t, &t->trees[k++], x, rows, margins);
        for (; k < end; k++) {
            const struct tree_head *tree = t->trees + k;
            full->rows(t->nodes + tree->root, tree->walk, columns, rows, leaves);
            add_rows(t, tree, leaves, rows, margins);
        }
    }
}

/* Trees [k, end), at most LANES, for one row; the last lanes may repeat a tree. */
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
        trees_add(t, tree, again ? trees_leaf(t, tree->root, row) : t->nodes + at[i], margins);
    }
}

/* Trees [k, end), full and equally deep, at least TREE_LANES of them, for one row. The last lanes
 * are full too: some of their trees have been walked before, and are not added again. */
static void full_lanes(const struct tree_table *t, uint32_t k, uint32_t end, const float *twice,
                       float *margins)
{
    const struct tree_kernels *full = kernels();
    float leaves[TREE_LANES];
    while (k < end) {
        uint32_t from = MIN(k, end - TREE_LANES);
        full->lanes(t->nodes + t->trees[from].root, t->trees[from].walk, twice, leaves);
        uint32_t again = k - from;
        add_trees(t, t->trees + k, leaves + again, TREE_LANES - again, margins);
        k = from + TREE_LANES;
    }
}

/* One row through all trees. */
static void by_trees(const struct tree_table *t, const float *row, float *margins)
{
    float twice[2 * TREE_BLOCK_FEATURES_MAX];
    uint32_t columns = t->n_features <= TREE_BLOCK_FEATURES_MAX ? t->n_features : 0;
    for (uint32_t c = 0; c < columns; c++) {
        twice[2 * c] = row[c];
        twice[2 * c + 1] = -row[c];
    }
    memcpy(margins, t->base, t->n_groups * sizeof(*margins));
    for (uint32_t k = 0; k < t->n_trees;) {
        uint32_t full = count_full(t, k), end = k + full;
        if (full >= TREE_LANES) {
            full_lanes(t, k, end, twice, margins);
        } else {
            end = MIN(k + LANES, t->n_trees);
            walk_lanes(t, k, end, row, margins);
        }
        k = end;
    }
}

void trees_margins(const struct tree_table *t, const float *x, int64_t rows, float *margins)
{
    for (int64_t r = 0; r < rows;) {
        int64_t n = MIN(rows - r, TREE_BLOCK);
        const float *from = x + r * t->n_features;
        float *to = margins + r * t->n_groups;
        if (n >= ROWS_MIN)
            by_rows(t, from, (int)n, to);
        for (int64_t i = 0; n < ROWS_MIN && i < n; i++)
            by_trees(t, from + i * t->n_features, to + i * t->n_groups);
        r += n;
    }
}
