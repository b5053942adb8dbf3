/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* fill_trees: which tables grow and how, that every row reaches the value that it did, and what is
 * left alone. */
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

static void subject_trees(struct subject *s, uint32_t flag)
{
    const struct tree_head trees[TREES] = {{0, 0, 2}, {5, 0, 3 | flag}};
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
    in[TREE_NODES] = constant(s->g, DT_I32, NODES, 3, plain);
    ck_assert_int_eq(graph_value(s->g, "y", &out), OK);
    ck_assert_int_eq(graph_node(s->g, &op_tree_ensemble, 1, "t", in, TREE_NODES + 1, &out, 1, attrs,
                                ARRAY_COUNT(attrs)),
                     OK);
    ck_assert_int_eq(graph_output(s->g, out), OK);
}

static const struct tensor *table(const struct subject *s, int operand)
{
    return &s->g->values[s->g->nodes[0].in[operand]].t;
}

START_TEST(ragged_trees_become_full_and_say_the_same)
{
    struct subject s;
    subject_trees(&s, 0);
    s.g->optimize = OPTIMIZE_SPEED;
    apply_within(&s, pass_fill_trees, 0, 0);
    const struct tree_head *trees = table(&s, TREE_TREES)->data;
    const struct tree_node *nodes = table(&s, TREE_NODES)->data;
    ck_assert_int_eq(table(&s, TREE_NODES)->dims[0], 7 + 15);
    ck_assert_uint_eq(trees[1].root, 7);
    ck_assert_uint_eq(trees[1].walk, 3);
    ck_assert(nodes[1].what == TREE_SPLITS && nodes[3].value == 1.5f && nodes[4].value == 1.5f);
    ck_assert(nodes[7 + 2].what == TREE_SPLITS && nodes[7 + 14].value == 16);
    subject_fini(&s);
}
END_TEST

START_TEST(tables_grow_by_no_more_than_the_mode_allows)
{
    static const struct {
        enum optimize optimize;
        int64_t nodes;
    } cases[] = {{OPTIMIZE_MEMORY, NODES}, {OPTIMIZE_BALANCED, NODES}, {OPTIMIZE_SPEED, 22}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct subject s;
        subject_trees(&s, 0);
        s.g->optimize = cases[i].optimize;
        apply_within(&s, pass_fill_trees, 0, 0);
        ck_assert_int_eq(table(&s, TREE_NODES)->dims[0], cases[i].nodes);
        subject_fini(&s);
    }
}
END_TEST

/* 12 nodes to 14: the tree with the flag stays ragged and moves. */
START_TEST(a_tree_with_categories_is_copied)
{
    struct subject s;
    subject_trees(&s, TREE_HAS_CATEGORIES);
    apply_within(&s, pass_fill_trees, 0, 0);
    const struct tree_head *trees = table(&s, TREE_TREES)->data;
    ck_assert_int_eq(table(&s, TREE_NODES)->dims[0], 7 + 7);
    ck_assert_uint_eq(trees[1].walk, 3 | TREE_HAS_CATEGORIES);
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
                 tables_grow_by_no_more_than_the_mode_allows, a_tree_with_categories_is_copied,
                 tables_that_their_operator_refuses_are_left);
}
