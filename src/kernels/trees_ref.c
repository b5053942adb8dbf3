/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The plain walk: one row, one tree, one node at a time. It is the specification of trees.c, and
 * what trees.c uses for splits by category and by equality. */
#include <math.h>
#include <string.h>

#include "kernels/trees.h"

/* Negative, huge and unlisted categories are not in the set; fractions count as their floor. */
static bool in_set(const uint32_t *set, float x)
{
    if (!(x >= 0 && x < (float)TREE_CATEGORY_MAX))
        return false;
    uint32_t c = (uint32_t)x;
    return c / 32 < set[0] && (set[1 + c / 32] >> (c % 32) & 1);
}

static bool goes_second(const struct tree_table *t, const struct tree_node *n, float x)
{
    bool flip = n->what & TREE_FLIP;
    if (isnan(x))
        return false;
    if (n->what & TREE_BY_CATEGORY)
        return in_set(t->sets + n->set, x) != flip;
    if (n->what & TREE_BY_EQUALITY)
        return (x == n->cond) != flip;
    return (flip ? -x : x) < n->cond;
}

static const float *full_leaf(const int32_t *words, uint32_t depth, const float *row)
{
    const struct tree_split *splits = (const void *)words;
    const uint32_t leaves = 1u << depth;
    uint32_t at = 1;
    while (at < leaves) {
        const struct tree_split *n = splits + at;
        float x = row[n->at / 8];
        at = 2 * at + (tree_key(n->at & 4 ? -x : x) < n->key ? 1 : 0);
    }
    return (const float *)(const void *)(words + leaves + at);
}

const float *trees_leaf(const struct tree_table *t, const struct tree_head *tree, const float *row)
{
    if (tree->walk & TREE_FULL)
        return full_leaf(t->full + tree->root, tree->walk & TREE_DEPTH_MASK, row);
    const struct tree_node *n = t->nodes + tree->root;
    while (n->what & TREE_SPLITS)
        n = t->nodes + n->first + (goes_second(t, n, row[n->what & TREE_FEATURE_MASK]) ? 1 : 0);
    return &n->value;
}

void trees_margins_ref(const struct tree_table *t, const float *x, int64_t rows, float *margins)
{
    for (int64_t r = 0; r < rows; r++, x += t->x_step, margins += t->n_groups) {
        memcpy(margins, t->base, t->n_groups * sizeof(*margins));
        for (uint32_t i = 0; i < t->n_trees; i++)
            trees_add(t, &t->trees[i], trees_leaf(t, &t->trees[i], x), margins);
    }
}
