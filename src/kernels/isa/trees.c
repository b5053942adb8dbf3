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

#define ROWS(depth)                                                                                \
    static void rows_##depth(const int32_t *tree, int n, const int32_t *columns, int rows,         \
                             float *leaves)                                                        \
    {                                                                                              \
        for (; n--; tree += tree_full_words(depth), leaves += TREE_BLOCK)                          \
            for (int r = 0; r < rows; r += SIDE_BY_SIDE * VEC) {                                   \
                struct rows all =                                                                  \
                    below_##depth(tree, 1u << depth, 1, (const char *)(columns + r));              \
                EACH vec_store(leaves + r + i * VEC, (vec)all.of[i]);                              \
            }                                                                                      \
    }
ROWS(0)
ROWS(1)
ROWS(2)
ROWS(3)
ROWS(4)

#if ISA_LEVEL > 0
BELOW(5, 4)
ROWS(5)
#endif
#if ISA_LEVEL == 2
BELOW(6, 5)
ROWS(6)
#else
/* The deepest trees, where registers are narrow: TOP levels as above, but what moves up is a row's
 * way through them, a byte, so that SIDE_BY_SIDE registers of comparisons make one to move. Then
 * each row walks on from the place that it has come to. Walking takes other units of the processor
 * than comparing: the walks through a tree stand among the comparisons of the next. */
enum { TOP = VEC == 8 ? 5 : 4, WALKS = 4, TOGETHER = SIDE_BY_SIDE * VEC };

typedef int8_t vec_bytes __attribute__((vector_size(VEC * sizeof(float)), may_alias));

/* Rows that have come to some place of a tree. */
struct walks {
    const int32_t *tree; /* NULL: there is none before the first, and none walks */
    const char *columns;
    float *leaves;
    uint8_t places[TOGETHER] __attribute__((aligned(sizeof(vec)))); /* as `narrow` has them */
};

/* WALKS rows from `from` on, down to their leaves. */
INLINE void walk_on(const struct walks *w, const uint32_t depth, int from)
{
    ISA_UNROLL(4)
    for (int r = from; r < from + WALKS; r++) {
        size_t at = w->places[SIDE_BY_SIDE * (r % VEC) + r / VEC];
        ISA_UNROLL(2)
        for (uint32_t level = TOP; level < depth; level++) {
            uint64_t split; /* both fields with one load */
            int32_t key;
            memcpy(&split, w->tree + 2 * at, sizeof(split));
            memcpy(&key, w->columns + r * sizeof(key) + (split >> 32) * TREE_BLOCK, sizeof(key));
            at = 2 * at + (key < (int32_t)split ? 1 : 0);
        }
        memcpy(w->leaves + r, w->tree + (1u << depth) + at, sizeof(*w->leaves));
    }
}

/* Byte i of a lane is mask i. */
INLINE vec_bytes narrow(const struct rows *masks)
{
    const vec_int *m = masks->of;
#if ISA_LEVEL == 1
    const __m256i even = _mm256_blend_epi16((__m256i)m[0], (__m256i)m[2], 0xaa);
    const __m256i odd = _mm256_blend_epi16((__m256i)m[1], (__m256i)m[3], 0xaa);
    return (vec_bytes)_mm256_blendv_epi8(even, odd, (__m256i)same((int32_t)0xff00ff00));
#else
    return (vec_bytes)((m[0] & 0xff) | (m[1] & 0xff00) | (m[2] & 0xff0000) |
                       (m[3] & same((int32_t)0xff000000)));
#endif
}

INLINE vec_bytes pick_bytes(vec_bytes mask, vec_bytes yes, vec_bytes no)
{
#if ISA_LEVEL == 1
    return (vec_bytes)_mm256_blendv_epi8((__m256i)no, (__m256i)yes, (__m256i)mask);
#else
    return (mask & yes) | (~mask & no);
#endif
}

/* The way through levels from place `at` on, negated: a bit is set where it goes to the second
 * child, the highest one at `at`. */
INLINE vec_bytes way_1(const int32_t *tree, uint32_t at, const struct walks *before, uint32_t depth)
{
    const struct tree_split *split = (const struct tree_split *)(const void *)tree + at;
    const char *x = before->columns + (size_t)split->at * TREE_BLOCK;
    const vec_int key = same(split->key);
    struct rows all;
    UNUSED(depth);
    EACH all.of[i] = key > load(x + i * sizeof(vec));
    return narrow(&all);
}

/* On the second level from below, each place has WALKS of the tree before beside it. */
#define WAY(levels, less)                                                                          \
    INLINE vec_bytes way_##levels(const int32_t *tree, uint32_t at, const struct walks *before,    \
                                  uint32_t depth)                                                  \
    {                                                                                              \
        if (levels == 2 && before->tree)                                                           \
            walk_on(before, depth, (int)(at - (1u << (TOP - 2))) * WALKS);                         \
        const vec_bytes first = way_##less(tree, 2 * at, before, depth);                           \
        const vec_bytes second = way_##less(tree, 2 * at + 1, before, depth);                      \
        const vec_bytes here = way_1(tree, at, before, depth);                                     \
        return pick_bytes(here, second - (1 << (levels - 1)), first);                              \
    }
WAY(2, 1)
WAY(3, 2)
WAY(4, 3)
#if ISA_LEVEL == 1
WAY(5, 4)
#define WAY_TOP way_5
#else
#define WAY_TOP way_4
#endif
_Static_assert(WALKS << (TOP - 2) == TOGETHER, "every row walks");

/* Rows side by side through n trees. */
INLINE void together(const int32_t *tree, int n, const uint32_t depth, const int32_t *columns,
                     float *leaves)
{
    struct walks w = {.columns = (const char *)columns};
    for (; n--; tree += tree_full_words(depth), leaves += TREE_BLOCK) {
        *(vec_bytes *)w.places = (1 << TOP) - WAY_TOP(tree, 1, &w, depth);
        w.tree = tree;
        w.leaves = leaves;
    }
    for (int r = 0; r < TOGETHER; r += WALKS)
        walk_on(&w, depth, r);
}

#define ROWS_TOGETHER(depth)                                                                       \
    static void rows_##depth(const int32_t *tree, int n, const int32_t *columns, int rows,         \
                             float *leaves)                                                        \
    {                                                                                              \
        for (int r = 0; r < rows; r += TOGETHER)                                                   \
            together(tree, n, depth, columns + r, leaves + r);                                     \
    }
#if ISA_LEVEL == 0
ROWS_TOGETHER(5)
#endif
ROWS_TOGETHER(6)
#endif

void ISA_NAME(tree_rows)(const int32_t *trees, int n, uint32_t depth, const int32_t *columns,
                         int rows, float *leaves)
{
    typedef void (*kernel)(const int32_t *, int, const int32_t *, int, float *);
    static const kernel by_depth[TREE_FULL_DEPTH_MAX + 1] = {rows_0, rows_1, rows_2, rows_3,
                                                             rows_4, rows_5, rows_6};
    by_depth[depth](trees, n, columns, rows, leaves);
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
