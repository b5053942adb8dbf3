/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Full trees for many rows: a lane is a row. All splits of a tree are decided for all lanes, and
 * what its leaves hold moves up from pairs of siblings to the root, where one is left per lane.
 * That is ten times the comparisons of a walk, but each serves a register of rows, and none waits
 * for another.
 *
 * Leaves are moved and never calculated with, so their bits may be a vector's number. */
#include "kernels/isa/isa.h"
#include "kernels/trees_priv.h"

/* Under sanitizers, whose checks would be written out with it, each level stays a function. */
#if defined(ISA_ROLLED)
#define INLINE static inline
#else
#define INLINE static inline __attribute__((always_inline))
#endif

/* Registers of rows that share what is read of a tree: reading is what bounds these kernels. */
enum { SIDE_BY_SIDE = VEC == 16 ? 2 : 4 };

struct rows {
    vec_int of[SIDE_BY_SIDE];
};

#define EACH                                                                                       \
    ISA_UNROLL(4)                                                                                  \
    for (int i = 0; i < SIDE_BY_SIDE; i++)

INLINE vec_int same(int32_t word)
{
    return word - (vec_int){0};
}

INLINE vec_int load(const char *p)
{
    return (vec_int)vec_load((const float *)(const void *)p);
}

INLINE vec_int pick(vec_int mask, vec_int yes, vec_int no)
{
    return (mask & yes) | (~mask & no);
}

/* What is left of the leaves below place `at`: its second child's where the key is below the
 * split's.
 */
INLINE struct rows below_0(const int32_t *tree, uint32_t leaves, uint32_t at, const char *columns)
{
    struct rows all;
    UNUSED(columns);
    EACH all.of[i] = same(tree[leaves + at]);
    return all;
}

#define BELOW(depth, less)                                                                         \
    INLINE struct rows below_##depth(const int32_t *tree, uint32_t leaves, uint32_t at,            \
                                     const char *columns)                                          \
    {                                                                                              \
        struct rows first = below_##less(tree, leaves, 2 * at, columns);                           \
        struct rows second = below_##less(tree, leaves, 2 * at + 1, columns);                      \
        const struct tree_split *split = (const struct tree_split *)(const void *)tree + at;       \
        const char *x = columns + (size_t)split->at * TREE_BLOCK;                                  \
        vec_int key = same(split->key);                                                            \
        EACH first.of[i] = pick(key > load(x + i * sizeof(vec)), second.of[i], first.of[i]);       \
        return first;                                                                              \
    }
BELOW(1, 0)
BELOW(2, 1)
BELOW(3, 2)
BELOW(4, 3)
BELOW(5, 4)
BELOW(6, 5)

#define ROWS(depth)                                                                                \
    static void rows_##depth(const int32_t *tree, const int32_t *columns, int rows, float *leaves) \
    {                                                                                              \
        for (int r = 0; r < rows; r += SIDE_BY_SIDE * VEC) {                                       \
            struct rows all = below_##depth(tree, 1u << depth, 1, (const char *)(columns + r));    \
            EACH vec_store(leaves + r + i * VEC, (vec)all.of[i]);                                  \
        }                                                                                          \
    }
ROWS(0)
ROWS(1)
ROWS(2)
ROWS(3)
ROWS(4)
ROWS(5)
ROWS(6)

void ISA_NAME(tree_rows)(const int32_t *tree, uint32_t depth, const int32_t *columns, int rows,
                         float *leaves)
{
    typedef void (*kernel)(const int32_t *, const int32_t *, int, float *);
    static const kernel by_depth[TREE_FULL_DEPTH_MAX + 1] = {rows_0, rows_1, rows_2, rows_3,
                                                             rows_4, rows_5, rows_6};
    by_depth[depth](tree, columns, rows, leaves);
}

/* tree_key of every lane. */
INLINE vec_int keys_of(vec_int bits)
{
    const vec_int size = bits & same(INT32_MAX), sign = bits >> 31;
    const vec_int nan = size > same(0x7f800000);
    return pick(nan, same(INT32_MAX), (size ^ sign) - sign);
}

/* One row's keys side by side, then each to its column. */
void ISA_NAME(tree_columns)(const struct tree_table *t, const float *x, int rows, int32_t *columns)
{
    enum { MOST = TREE_FULL_FEATURES_MAX };
    int32_t keys[MOST], negated[MOST];
    const uint32_t n = t->n_features, whole = n / VEC * VEC;
    for (uint32_t r = 0; r < TREE_BLOCK; r++) {
        const float *row = x + (size_t)MIN(r, (uint32_t)rows - 1) * t->x_step;
        for (uint32_t c = 0; c < whole; c += VEC) {
            const vec_int key = keys_of((vec_int)vec_load(row + c));
            const vec_int above = key == same(INT32_MAX);
            vec_store((float *)(void *)(keys + c), (vec)key);
            vec_store((float *)(void *)(negated + c), (vec)pick(above, key, -key));
        }
        for (uint32_t c = whole; c < n; c++) {
            keys[c] = tree_key(row[c]);
            negated[c] = keys[c] == INT32_MAX ? keys[c] : -keys[c];
        }
        for (uint32_t c = 0; c < n; c++) {
            columns[(2 * c) * TREE_BLOCK + r] = keys[c];
            columns[(2 * c + 1) * TREE_BLOCK + r] = negated[c];
        }
    }
}
