/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Full trees (kernels/trees_priv.h): no pointer has to be read to find a child.
 *
 * Many rows: a lane is a row. All splits of a tree are decided for all lanes, and what its leaves
 * hold moves up from pairs of siblings to the root, where one is left per lane. That is ten times
 * the comparisons of a walk, but each serves a register of rows, and none waits for another.
 * One row: a lane is a tree, and a step has neither branch nor pointer.
 *
 * Leaves are moved and never calculated with, so their bits may be a vector's number. */
#include "kernels/isa/isa.h"
#include "kernels/trees_priv.h"

#define INLINE static inline __attribute__((always_inline))

/* Two registers of rows share what is read of a tree. */
struct pair {
    vec a, b;
};

/* No arithmetic, which could quiet the bits of a NaN. */
INLINE vec same(const float *x)
{
    int32_t bits;
    __builtin_memcpy(&bits, x, sizeof(bits));
    return (vec)(bits - (vec_int){0});
}

INLINE struct pair below_0(const struct tree_node *tree, uint32_t i, const float *columns)
{
    UNUSED(columns);
    vec leaf = same(&tree[i].value);
    return (struct pair){leaf, leaf};
}

/* What is left of the leaves below node i: its second child's where x < cond. */
#define BELOW(depth, less)                                                                         \
    INLINE struct pair below_##depth(const struct tree_node *tree, uint32_t i,                     \
                                     const float *columns)                                         \
    {                                                                                              \
        struct pair first = below_##less(tree, 2 * i + 1, columns);                                \
        struct pair second = below_##less(tree, 2 * i + 2, columns);                               \
        const float *x = columns + tree_column(tree[i].what) * (uint32_t)TREE_BLOCK;               \
        vec cond = same(&tree[i].cond);                                                            \
        return (struct pair){vec_pick(cond > vec_load(x), second.a, first.a),                      \
                             vec_pick(cond > vec_load(x + VEC), second.b, first.b)};               \
    }
BELOW(1, 0)
BELOW(2, 1)
BELOW(3, 2)
BELOW(4, 3)
BELOW(5, 4)
BELOW(6, 5)

#define ROWS(depth)                                                                                \
    static void rows_##depth(const struct tree_node *tree, const float *columns, int rows,         \
                             float *leaves)                                                        \
    {                                                                                              \
        for (int r = 0; r < rows; r += 2 * VEC) {                                                  \
            struct pair p = below_##depth(tree, 0, columns + r);                                   \
            vec_store(leaves + r, p.a);                                                            \
            vec_store(leaves + r + VEC, p.b);                                                      \
        }                                                                                          \
    }
ROWS(0)
ROWS(1)
ROWS(2)
ROWS(3)
ROWS(4)
ROWS(5)
ROWS(6)

static void rows_any(const struct tree_node *tree, uint32_t depth, const float *columns, int rows,
                     float *leaves)
{
    typedef void (*kernel)(const struct tree_node *, const float *, int, float *);
    static const kernel by_depth[TREE_FULL_DEPTH_MAX + 1] = {rows_0, rows_1, rows_2, rows_3,
                                                             rows_4, rows_5, rows_6};
    by_depth[depth](tree, columns, rows, leaves);
}

/* The depth is a constant, so that a lane's place needs no register of its own. */
#define LANES_OF(depth)                                                                            \
    static void lanes_##depth(const struct tree_node *trees, const float *row, float *leaves)      \
    {                                                                                              \
        enum { NODES = (2 << depth) - 1 };                                                         \
        size_t at[TREE_LANES] = {0};                                                               \
        for (int step = 0; step < depth; step++)                                                   \
            ISA_UNROLL(16) for (int i = 0; i < TREE_LANES; i++)                                    \
            {                                                                                      \
                const struct tree_node *n = trees + at[i] + i * NODES;                             \
                at[i] = 2 * at[i] + 1 + (row[tree_column(n->what)] < n->cond);                     \
            }                                                                                      \
        ISA_UNROLL(16)                                                                             \
        for (int i = 0; i < TREE_LANES; i++)                                                       \
            __builtin_memcpy(leaves + i, &trees[at[i] + i * NODES].value, sizeof(*leaves));        \
    }
LANES_OF(0)
LANES_OF(1)
LANES_OF(2)
LANES_OF(3)
LANES_OF(4)
LANES_OF(5)
LANES_OF(6)

static void lanes_any(const struct tree_node *trees, uint32_t depth, const float *row,
                      float *leaves)
{
    typedef void (*kernel)(const struct tree_node *, const float *, float *);
    static const kernel by_depth[TREE_FULL_DEPTH_MAX + 1] = {lanes_0, lanes_1, lanes_2, lanes_3,
                                                             lanes_4, lanes_5, lanes_6};
    by_depth[depth](trees, row, leaves);
}

const struct tree_kernels ISA_NAME(tree_kernels) = {.rows = rows_any, .lanes = lanes_any};
