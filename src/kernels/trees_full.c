/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Full trees. One row: a lane is a tree, and a step has neither branch nor pointer. Many rows: tree
 * by tree, through the kernels of isa/trees.c. */
#include <string.h>

#include "kernels/cpu.h"
#include "kernels/trees_priv.h"

enum {
    LANES = 16, /* trees side by side: each is a chain of loads, more than one can be hidden */
    TREES_AT_ONCE = 16, /* whose leaves are kept for many rows until they are added */
};

struct kernels {
    tree_rows_fn *rows;
    tree_columns_fn *columns;
};

static struct kernels kernels(void)
{
#if defined(__x86_64__)
    enum cpu_level level = cpu_level();
    if (level == CPU_AVX512)
        return (struct kernels){tree_rows_avx512, tree_columns_avx512};
    if (level == CPU_AVX2)
        return (struct kernels){tree_rows_avx2, tree_columns_avx2};
#endif
    return (struct kernels){tree_rows_generic, tree_columns_generic};
}

/* ---- one row ---- */

void trees_full_keys(const struct tree_table *t, const float *row, int32_t *keys)
{
    for (uint32_t c = 0; c < t->n_features; c++) {
        keys[2 * c] = tree_key(row[c]);
        keys[2 * c + 1] = keys[2 * c] == INT32_MAX ? INT32_MAX : -keys[2 * c];
    }
}

/* Where a step leads to. */
static inline __attribute__((always_inline)) size_t step(const int32_t *tree, size_t at,
                                                         const int32_t *keys)
{
    const struct tree_split *split = (const struct tree_split *)(const void *)tree + at;
    int32_t key;
    memcpy(&key, (const char *)keys + split->at, sizeof(key));
    return 2 * at + (key < split->key ? 1 : 0);
}

/* LANES trees behind one another; the depth is a constant, so that a lane's place needs no register
 * of its own. */
static inline __attribute__((always_inline)) void lanes(const int32_t *trees, const uint32_t depth,
                                                        const int32_t *keys, float *leaves)
{
    size_t at[LANES];
    for (int i = 0; i < LANES; i++)
        at[i] = 1;
    for (uint32_t steps = 0; steps < depth; steps++) {
#pragma GCC unroll 16
        for (uint32_t i = 0; i < LANES; i++)
            at[i] = step(trees + i * tree_full_words(depth), at[i], keys);
    }
#pragma GCC unroll 16
    for (uint32_t i = 0; i < LANES; i++)
        memcpy(leaves + i, trees + i * tree_full_words(depth) + (1u << depth) + at[i],
               sizeof(*leaves));
}

#define CASE(depth)                                                                                \
    case depth:                                                                                    \
        lanes(trees, depth, keys, leaves);                                                         \
        break;

static void lanes_any(const int32_t *trees, uint32_t depth, const int32_t *keys, float *leaves)
{
    switch (depth) {
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
        CASE(6)
    default:
        lanes(trees, 0, keys, leaves);
        break;
    }
}

/* The leaves of n trees, fewer than LANES. */
static void each(const int32_t *trees, uint32_t depth, const int32_t *keys, uint32_t n,
                 float *leaves)
{
    for (uint32_t i = 0; i < n; i++, trees += tree_full_words(depth)) {
        size_t at = 1;
        for (uint32_t steps = 0; steps < depth; steps++)
            at = step(trees, at, keys);
        memcpy(leaves + i, trees + (1u << depth) + at, sizeof(*leaves));
    }
}

/* A single sum stays in a register: each addition waits for the one before. */
static void add_trees(const struct tree_table *t, const struct tree_head *trees,
                      const float *leaves, uint32_t n, float *margins)
{
    if (t->vectors || t->n_groups > 1) {
        for (uint32_t i = 0; i < n; i++)
            trees_add(t, trees + i, leaves + i, margins);
        return;
    }
    float sum = *margins;
    for (uint32_t i = 0; i < n; i++)
        sum += leaves[i];
    *margins = sum;
}

uint32_t trees_full_row(const struct tree_table *t, uint32_t k, const int32_t *keys, float *margins)
{
    const uint32_t walk = t->trees[k].walk, depth = walk & TREE_DEPTH_MASK, begin = k;
    float leaves[LANES];
    for (;;) {
        uint32_t n = 0;
        while (n < MIN((uint32_t)LANES, t->n_trees - k) && t->trees[k + n].walk == walk)
            n++;
        if (!n)
            return k;
        /* Those that are left over go with trees before them, whose leaves are not added again. */
        const uint32_t again = MIN(LANES - n, k - begin);
        if (n + again == LANES)
            lanes_any(t->full + t->trees[k - again].root, depth, keys, leaves);
        else
            each(t->full + t->trees[k].root, depth, keys, n, leaves + again);
        add_trees(t, t->trees + k, leaves + again, n, margins);
        k += n;
    }
}

/* ---- many rows ---- */

void trees_full_columns(const struct tree_table *t, const float *x, int rows, int32_t *columns)
{
    kernels().columns(t, x, rows, columns);
}

static void add_rows(const struct tree_table *t, const struct tree_head *tree, const float *leaves,
                     int rows, float *margins)
{
    if (t->vectors || t->n_groups > 1) {
        for (int i = 0; i < rows; i++)
            trees_add(t, tree, leaves + i, margins + (size_t)i * t->n_groups);
        return;
    }
    for (int i = 0; i < rows; i++)
        margins[i] += leaves[i];
}

void trees_full_rows(const struct tree_table *t, uint32_t k, uint32_t end, const int32_t *columns,
                     int rows, float *margins)
{
    float leaves[TREES_AT_ONCE * TREE_BLOCK] __attribute__((aligned(64)));
    tree_rows_fn *const run = kernels().rows;
    const uint32_t depth = t->trees[k].walk & TREE_DEPTH_MASK;
    for (uint32_t n; k < end; k += n) {
        n = MIN(end - k, (uint32_t)TREES_AT_ONCE);
        run(t->full + t->trees[k].root, (int)n, depth, columns, rows, leaves);
        for (uint32_t i = 0; i < n; i++)
            add_rows(t, t->trees + k + i, leaves + i * TREE_BLOCK, rows, margins);
    }
}
