/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* fill_trees: which tables grow and how, that every row reaches the value that it did, and what is
 * left alone. */
#include <math.h>

#include "kernels/trees.h"
#include "ops/op_list.h"
#include "ops/tree_ensemble.h"
#include "pass_case.h"

enum { FEATURES = 3, NODES = 12, TREES = 2 };

/* Two trees: one of depth 2 that lacks two leaves, one of depth 3 that is a chain. */
static const struct tree_node plain[NODES] = {
    {.cond = 0.1f, .what = TREE_SPLITS | 1, .first = 1},
    {.value = 1.5f, .first = 1},
    {.cond = -0.2f, .what = TREE_SPLITS | TREE_FLIP | 2, .first = 3},
    {.value = 2.25f, .first = 3},
    {.value = -4, .first = 4},
    {.cond = 0.3f, .what = TREE_SPLITS | 0, .first = 6},
    {.cond = -0.4f, .what = TREE_SPLITS | 1, .first = 8},
    {.value = 16, .first = 7},
    {.value = 32, .first = 8},
    {.cond = 0.5f, .what = TREE_SPLITS | TREE_FLIP | 2, .first = 10},
    {.value = 64, .first = 10},
    {.value = 128, .first = 11},
};

static int32_t constant(struct graph *g, enum dtype dtype, int64_t rows, int64_t columns,
                        const void *from)
{
    struct tensor t = {.dtype = dtype, .rank = columns ? 2 : 1, .dims = {rows, columns}};
    size_t bytes = (size_t)(rows * MAX(columns, 1)) * 4;
    int32_t value;
    t.data = graph_alloc(g, bytes);
    ck_assert_ptr_nonnull(t.data);
    memcpy(t.data, from, bytes);
    ck_assert_int_eq(graph_const(g, "", &t, &value), OK);
    return value;
}

static void subject_tables(struct subject *s, const struct tree_head trees[TREES],
                           const struct tree_node *nodes, int64_t n_nodes)
{
    const float base = 0.5f;
    const struct attr attrs[] = {
        {.key = ATTR_n_features, .type = ATTR_INT, .count = 1, .i = FEATURES}};
    int32_t in[TREE_NODES + 1], out;
    int symbol;
    *s = (struct subject){.g = NULL};
    ck_assert_int_eq(graph_new(&s->g), OK);
    ck_assert_int_eq(graph_symbol(s->g, "N", 1, &symbol), OK);
    struct tensor x = {.dtype = DT_F32, .rank = 2, .dims = {DIM_SYMBOL_0 - symbol, FEATURES}};
    ck_assert_int_eq(graph_input(s->g, "features", &x, &in[TREE_X]), OK);
    in[TREE_BASE] = constant(s->g, DT_F32, 1, 0, &base);
    in[TREE_TREES] = constant(s->g, DT_I32, TREES, 3, trees);
    in[TREE_NODES] = constant(s->g, DT_I32, n_nodes, 3, nodes);
    ck_assert_int_eq(graph_value(s->g, "y", &out), OK);
    ck_assert_int_eq(graph_node(s->g, &op_tree_ensemble, 1, "t", in, TREE_NODES + 1, &out, 1, attrs,
                                ARRAY_COUNT(attrs)),
                     OK);
    ck_assert_int_eq(graph_output(s->g, out), OK);
}

static void subject_trees(struct subject *s, uint32_t flag)
{
    const struct tree_head trees[TREES] = {{0, 0, 2}, {5, 0, 3 | flag}};
    subject_tables(s, trees, plain, NODES);
}

static const struct tensor *table(const struct subject *s, int operand)
{
    return &s->g->values[s->g->nodes[0].in[operand]].t;
}

/* The table at an operand; NULL when it is left out. */
static const struct tensor *operand(const struct subject *s, uint32_t k)
{
    const struct node *n = &s->g->nodes[0];
    return k < n->n_in && n->in[k] != ARTIFACT_NO_TENSOR ? table(s, (int)k) : NULL;
}

static int64_t rows_of(const struct subject *s, uint32_t k)
{
    const struct tensor *t = operand(s, k);
    return t ? t->dims[0] : 0;
}

START_TEST(ragged_trees_become_full_and_say_the_same)
{
    struct subject s;
    subject_trees(&s, 0);
    s.g->optimize = OPTIMIZE_SPEED;
    apply_within(&s, pass_fill_trees, 0, 0);
    const struct tree_head *trees = table(&s, TREE_TREES)->data;
    const int32_t *words = table(&s, TREE_FULL_TREES)->data;
    const struct tree_split *splits = (const void *)words;
    const float *leaves = (const float *)(const void *)(words + 16);
    ck_assert_ptr_null(operand(&s, TREE_NODES));
    ck_assert_int_eq(rows_of(&s, TREE_FULL_TREES), 24 + 24); /* both of depth 3 */
    ck_assert_uint_eq(trees[1].root, 24);
    ck_assert_uint_eq(trees[0].walk, TREE_FULL | 3);
    ck_assert_int_eq(splits[1].key, tree_key(0.1f));
    ck_assert_uint_eq(splits[1].at, 4 * (2 * 1));
    ck_assert_int_eq(splits[3].key, tree_key(-0.2f));
    ck_assert_uint_eq(splits[3].at, 4 * (2 * 2 + 1));
    ck_assert_int_eq(splits[2].key, INT32_MIN); /* was a leaf */
    static const float want[] = {1.5f, 1.5f, 1.5f, 1.5f, 2.25f, 2.25f, -4, -4};
    ck_assert_mem_eq(leaves, want, sizeof(want));
    subject_fini(&s);
}
END_TEST

/* In units of 12 bytes 12 are there. All of depth 3 take 16, each of its own depth 12; none grows
 * leaves the chain, of 8 for its 7. */
START_TEST(tables_grow_by_no_more_than_the_mode_allows)
{
    static const struct {
        enum optimize optimize;
        int64_t words, nodes;
    } cases[] = {
        {OPTIMIZE_MEMORY, 12 + 24, 0}, {OPTIMIZE_BALANCED, 48, 0}, {OPTIMIZE_SPEED, 48, 0}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct subject s;
        subject_trees(&s, 0);
        s.g->optimize = cases[i].optimize;
        apply_within(&s, pass_fill_trees, 0, 0);
        ck_assert_int_eq(rows_of(&s, TREE_FULL_TREES), cases[i].words);
        ck_assert_int_eq(rows_of(&s, TREE_NODES), cases[i].nodes);
        subject_fini(&s);
    }
}
END_TEST

/* A leaf alone and a chain of depth 4, 10 units: alike they take 32, each its own 17, and where
 * none may grow the chain stays. */
START_TEST(what_would_grow_stays_where_it_may_not)
{
    static const struct tree_node nodes[] = {
        {.value = 0.5f, .first = 0}, {.cond = 1, .what = TREE_SPLITS, .first = 2},
        {.value = 1, .first = 2},    {.cond = 2, .what = TREE_SPLITS, .first = 4},
        {.value = 2, .first = 4},    {.cond = 3, .what = TREE_SPLITS, .first = 6},
        {.value = 3, .first = 6},    {.cond = 4, .what = TREE_SPLITS, .first = 8},
        {.value = 4, .first = 8},    {.value = 5, .first = 9},
    };
    const struct tree_head trees[TREES] = {{0, 0, 0}, {1, 0, 4}};
    static const struct {
        enum optimize optimize;
        int64_t words, nodes;
    } cases[] = {{OPTIMIZE_MEMORY, 3, 9}, {OPTIMIZE_BALANCED, 3, 9}, {OPTIMIZE_SPEED, 96, 0}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct subject s;
        subject_tables(&s, trees, nodes, ARRAY_COUNT(nodes));
        s.g->optimize = cases[i].optimize;
        apply_within(&s, pass_fill_trees, 0, 0);
        ck_assert_int_eq(rows_of(&s, TREE_FULL_TREES), cases[i].words);
        ck_assert_int_eq(rows_of(&s, TREE_NODES), cases[i].nodes);
        const struct tree_head *heads = table(&s, TREE_TREES)->data;
        if (cases[i].nodes)
            ck_assert(heads[1].root == 0 && heads[1].walk == 4);
        subject_fini(&s);
    }
}
END_TEST

START_TEST(a_tree_with_categories_is_copied)
{
    struct subject s;
    subject_trees(&s, TREE_HAS_CATEGORIES);
    apply_within(&s, pass_fill_trees, 0, 0);
    const struct tree_head *trees = table(&s, TREE_TREES)->data;
    ck_assert_int_eq(rows_of(&s, TREE_NODES), 7);
    ck_assert_int_eq(rows_of(&s, TREE_FULL_TREES), 12);
    ck_assert_uint_eq(trees[1].walk, 3 | TREE_HAS_CATEGORIES);
    ck_assert_uint_eq(trees[1].root, 0);
    subject_fini(&s);
}
END_TEST

/* No value is below NaN. */
START_TEST(a_threshold_that_is_nan_sends_all_to_the_first_child)
{
    struct subject s;
    subject_trees(&s, 0);
    ((struct tree_node *)table(&s, TREE_NODES)->data)[0].cond = NAN;
    apply_within(&s, pass_fill_trees, 0, 0);
    const struct tree_split *splits = table(&s, TREE_FULL_TREES)->data;
    ck_assert_int_eq(splits[1].key, INT32_MIN);
    subject_fini(&s);
}
END_TEST

START_TEST(tables_that_their_operator_refuses_are_left)
{
    struct subject s;
    subject_trees(&s, 0);
    s.g->optimize = OPTIMIZE_SPEED;
    ((struct tree_node *)table(&s, TREE_NODES)->data)[2].first = 1u << 30;
    ck_ok(pass_fill_trees(s.g, &s.err), &s.err);
    ck_assert_int_eq(table(&s, TREE_NODES)->dims[0], NODES);
    subject_fini(&s);
}
END_TEST

Suite *suite_fill_trees(void)
{
    return SUITE("fill_trees", ragged_trees_become_full_and_say_the_same,
                 tables_grow_by_no_more_than_the_mode_allows,
                 what_would_grow_stays_where_it_may_not, a_tree_with_categories_is_copied,
                 a_threshold_that_is_nan_sends_all_to_the_first_child,
                 tables_that_their_operator_refuses_are_left);
}
