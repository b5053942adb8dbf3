/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.TreeEnsemble proves its tables: a good ensemble passes, and each single thing that could
 * lead a kernel astray is refused. Then the transforms, against their formulas. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/trees.h"
#include "ops/boost.h"
#include "ops/tree_ensemble.h"
#include "support/support.h"

enum { N_TREES = 2, N_NODES = 8, N_SETS = 3, OPERANDS = TREE_SETS + 1 };

/* Tree 0: a split by number, its second child a split by category. Tree 1: one split. */
struct fixture {
    struct tree_node nodes[N_NODES];
    struct tree_head trees[N_TREES];
    uint32_t sets[N_SETS];
    float base[2];
    int64_t n_features, n_groups, transform;
    struct tensor t[OPERANDS];
    uint64_t params[OP_PARAMS_MAX / 8];
    struct err err;
};

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){
        .nodes = {{.cond = 1, .what = 0 | TREE_SPLITS, .first = 1},
                  {.value = 0.5f, .first = 1},
                  {.set = 0, .what = 1 | TREE_SPLITS | TREE_BY_CATEGORY, .first = 3},
                  {.value = 2, .first = 3},
                  {.value = 4, .first = 4},
                  {.cond = 0, .what = 1 | TREE_SPLITS | TREE_FLIP, .first = 6},
                  {.value = -1, .first = 6},
                  {.value = 1, .first = 7}},
        .trees = {{0, 0, 2 | TREE_HAS_CATEGORIES}, {5, 1, 1}},
        .sets = {2, 1, 0},
        .base = {0.25f, -0.25f},
        .n_features = 2,
        .n_groups = 2,
    };
    f->t[TREE_X] = (struct tensor){DT_F32, 2, {1, 2}, NULL};
    f->t[TREE_BASE] = (struct tensor){DT_F32, 1, {2}, f->base};
    f->t[TREE_TREES] = (struct tensor){DT_I32, 2, {N_TREES, 3}, f->trees};
    f->t[TREE_NODES] = (struct tensor){DT_I32, 2, {N_NODES, 3}, f->nodes};
    f->t[TREE_SETS] = (struct tensor){DT_I32, 1, {N_SETS}, f->sets};
}

static const struct op *the_op(void)
{
    const struct op *op = op_by_name("roost", "TreeEnsemble");
    ck_assert_ptr_nonnull(op);
    ck_assert_ptr_eq(op, op_by_code(602));
    return op;
}

static enum status prove(struct fixture *f, int n_in)
{
    const struct attr attrs[] = {
        {.key = ATTR_n_features, .type = ATTR_INT, .count = 1, .i = f->n_features},
        {.key = ATTR_n_groups, .type = ATTR_INT, .count = 1, .i = f->n_groups},
        {.key = ATTR_transform, .type = ATTR_INT, .count = 1, .i = f->transform}};
    struct op_node node = {1, n_in, 1, {attrs, ARRAY_COUNT(attrs)}};
    const struct tensor *in[OPERANDS];
    for (int i = 0; i < OPERANDS; i++)
        in[i] = &f->t[i];
    /* the nodes in a block of their own size, so that a look behind them is seen */
    struct tensor nodes = f->t[TREE_NODES];
    size_t bytes = (size_t)nodes.dims[0] * sizeof(struct tree_node);
    nodes.data = nodes.data ? malloc(bytes ? bytes : 1) : NULL;
    if (nodes.data)
        memcpy(nodes.data, f->t[TREE_NODES].data, bytes);
    in[TREE_NODES] = &nodes;
    memset(f->params, 0, sizeof(f->params));
    enum status s = the_op()->prepare(&node, f->params, &f->err);
    if (s == OK)
        s = the_op()->check(f->params, n_in, in, &f->err);
    free(nodes.data);
    return s;
}

START_TEST(a_good_ensemble_passes)
{
    struct fixture f;
    fixture_init(&f);
    ck_ok(prove(&f, OPERANDS), &f.err);
}
END_TEST

/* What is overwritten in the good fixture, one 4-byte word each. */
#define WORD(member) (offsetof(struct fixture, member) / 4)
static const struct {
    const char *what;
    size_t word;
    uint32_t value;
} faults[] = {
    {"a child before its parent", WORD(nodes[2].first), 0},
    {"a cycle", WORD(nodes[0].first), 0},
    {"a gap", WORD(nodes[0].first), 2},
    {"children of another tree", WORD(nodes[2].first), 6},
    {"children behind the table", WORD(nodes[5].first), 7},
    {"children far away", WORD(nodes[5].first), UINT32_MAX},
    {"a leaf that moves", WORD(nodes[1].first), 3},
    {"a leaf with flags", WORD(nodes[1].what), TREE_FLIP},
    {"a leaf with a feature", WORD(nodes[1].what), 1},
    {"a split turned leaf", WORD(nodes[0].what), 0},
    {"a leaf turned split", WORD(nodes[7].what), TREE_SPLITS},
    {"a feature too many", WORD(nodes[0].what), 2 | TREE_SPLITS},
    {"an unknown flag", WORD(nodes[0].what), TREE_SPLITS | 1u << 27},
    {"equality in a tree without", WORD(nodes[5].what), 1 | TREE_SPLITS | TREE_BY_EQUALITY},
    {"category and equality", WORD(nodes[2].what),
     1 | TREE_SPLITS | TREE_BY_CATEGORY | TREE_BY_EQUALITY},
    {"a set behind the table", WORD(nodes[2].set), N_SETS},
    {"a set in the middle", WORD(nodes[2].set), 2 + (1u << 30)},
    {"a set too long", WORD(sets[0]), N_SETS},
    {"a set of 2^32 - 1 words", WORD(sets[0]), UINT32_MAX},
    {"a category in a tree without", WORD(trees[0].walk), 2},
    {"an unknown flag of a tree", WORD(trees[0].walk), 2 | TREE_HAS_CATEGORIES | 1u << 30},
    {"a depth too small", WORD(trees[1].walk), 0},
    {"a depth too great", WORD(trees[1].walk), 2},
    {"a group too many", WORD(trees[1].group), 2},
    {"a root too early", WORD(trees[1].root), 4},
    {"a root too late", WORD(trees[1].root), 6},
    {"a root behind the table", WORD(trees[1].root), N_NODES},
    {"the first root not at 0", WORD(trees[0].root), 1},
};

START_TEST(every_single_fault_is_refused)
{
    for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
        struct fixture f;
        fixture_init(&f);
        memcpy((uint32_t *)&f + faults[i].word, &faults[i].value, 4);
        enum status s = prove(&f, OPERANDS);
        ck_assert_msg(s == E_CORRUPT, "%s: %s", faults[i].what, status_name(s));
    }
}
END_TEST

/* Full trees of depth 1 and 0 around a plain one: words 0 to 5 and 6 to 8. */
struct full_fixture {
    struct tree_node nodes[3];
    struct tree_head trees[3];
    int32_t words[9];
    float base[1], vectors[2];
    bool by_vector;
    struct err err;
};

static void full_init(struct full_fixture *f)
{
    *f = (struct full_fixture){
        .nodes = {{.cond = 1, .what = TREE_SPLITS, .first = 1},
                  {.value = 1, .first = 1},
                  {.value = 2, .first = 2}},
        .trees = {{0, 0, TREE_FULL | 1}, {0, 0, 1}, {6, 0, TREE_FULL}},
        .words = {0, 0, 5, 4 * 3, 0, 1, 0, 0, 1},
    };
}

/* words: how many of them the operand has. */
static enum status prove_full(struct full_fixture *f, int64_t words)
{
    const struct attr attrs[] = {{.key = ATTR_n_features, .type = ATTR_INT, .count = 1, .i = 2},
                                 {.key = ATTR_n_groups, .type = ATTR_INT, .count = 1, .i = 1}};
    struct op_node node = {1, TREE_OPERANDS, 1, {attrs, ARRAY_COUNT(attrs)}};
    uint64_t params[OP_PARAMS_MAX / 8] = {0};
    int32_t *own = malloc((size_t)words * sizeof(*own)); /* a look behind them is seen */
    memcpy(own, f->words, (size_t)words * sizeof(*own));
    const struct tensor base = {DT_F32, 1, {1}, f->base}, full = {DT_I32, 1, {words}, own},
                        trees = {DT_I32, 2, {3, 3}, f->trees},
                        nodes = {DT_I32, 2, {3, 3}, f->nodes},
                        vectors = {DT_F32, 2, {2, 1}, f->vectors};
    const struct tensor *in[TREE_OPERANDS] = {[TREE_BASE] = &base,
                                              [TREE_TREES] = &trees,
                                              [TREE_NODES] = &nodes,
                                              [TREE_VECTORS] = f->by_vector ? &vectors : NULL,
                                              [TREE_FULL_TREES] = &full};
    enum status s = the_op()->prepare(&node, params, &f->err);
    if (s == OK)
        s = the_op()->check(params, TREE_OPERANDS, in, &f->err);
    free(own);
    return s;
}

#define FULL_WORD(member) (offsetof(struct full_fixture, member) / 4)
static const struct {
    const char *what;
    size_t word;
    uint32_t value;
    bool by_vector;
} full_faults[] = {
    {"a feature too many", FULL_WORD(words[3]), 4 * 4, false},
    {"a feature far away", FULL_WORD(words[3]), UINT32_MAX - 3, false},
    {"a place between two keys", FULL_WORD(words[3]), 2, false},
    {"a depth beyond the words", FULL_WORD(trees[2].walk), TREE_FULL | 1, false},
    {"a depth too great", FULL_WORD(trees[2].walk), TREE_FULL | 7, false},
    {"a depth of 33", FULL_WORD(trees[2].walk), TREE_FULL | 33, false},
    {"words that nobody has", FULL_WORD(trees[0].walk), TREE_FULL, false},
    {"a root too early", FULL_WORD(trees[2].root), 3, false},
    {"a root too late", FULL_WORD(trees[2].root), 9, false},
    {"categories in a full tree", FULL_WORD(trees[0].walk), TREE_FULL | TREE_HAS_CATEGORIES | 1,
     false},
    {"an unknown flag", FULL_WORD(trees[0].walk), TREE_FULL | 1u << 20 | 1, false},
    {"a group too many", FULL_WORD(trees[0].group), 1, false},
    {"a plain tree where full ones stand", FULL_WORD(trees[1].root), 6, false},
    {"a vector too many", FULL_WORD(words[5]), 2, true},
    {"a vector far away", FULL_WORD(words[8]), UINT32_MAX, true},
};

START_TEST(full_trees_are_proven_too)
{
    struct full_fixture f;
    full_init(&f);
    ck_ok(prove_full(&f, 9), &f.err);
    ck_assert_int_eq(prove_full(&f, 8), E_CORRUPT);
    ck_assert_int_eq(prove_full(&f, 1), E_CORRUPT);
    f.nodes[1].set = f.nodes[2].set = 1;
    f.by_vector = true;
    ck_ok(prove_full(&f, 9), &f.err);
    for (size_t i = 0; i < ARRAY_COUNT(full_faults); i++) {
        full_init(&f);
        f.nodes[1].set = f.nodes[2].set = 1;
        f.by_vector = full_faults[i].by_vector;
        memcpy((uint32_t *)&f + full_faults[i].word, &full_faults[i].value, 4);
        enum status s = prove_full(&f, 9);
        ck_assert_msg(s == E_CORRUPT, "%s: %s", full_faults[i].what, status_name(s));
    }
}
END_TEST

START_TEST(tables_of_the_wrong_kind_are_refused)
{
    struct fixture f;
    for (int i = TREE_BASE; i < OPERANDS; i++)
        for (int fault = 0; fault < 4; fault++) {
            fixture_init(&f);
            f.t[i].dtype = fault == 0 ? DT_F64 : f.t[i].dtype;
            f.t[i].rank = fault == 1 ? 3 : f.t[i].rank;
            f.t[i].data = fault == 2 ? NULL : f.t[i].data;
            f.t[i].dims[0] = fault == 3 ? 0 : f.t[i].dims[0];
            ck_assert_int_eq(prove(&f, OPERANDS), E_CORRUPT);
        }
    fixture_init(&f);
    f.t[TREE_NODES].dims[0] = N_NODES - 1; /* the last tree is cut */
    ck_assert_int_eq(prove(&f, OPERANDS), E_CORRUPT);
    fixture_init(&f);
    f.t[TREE_TREES].dims[0] = 1; /* nodes behind the last tree */
    ck_assert_int_eq(prove(&f, OPERANDS), E_CORRUPT);
    fixture_init(&f);
    f.t[TREE_BASE].dims[0] = 1;
    ck_assert_int_eq(prove(&f, OPERANDS), E_CORRUPT);
    fixture_init(&f);
    ck_assert_int_eq(prove(&f, TREE_SETS), E_CORRUPT); /* categories, but no sets */
}
END_TEST

START_TEST(attributes_out_of_range_are_refused)
{
    static const struct {
        int64_t features, groups, transform;
        enum status expected;
    } cases[] = {{0, 2, 0, E_CORRUPT},
                 {-1, 2, 0, E_CORRUPT},
                 {TREE_FEATURES_MAX + 1, 2, 0, E_CORRUPT},
                 {2, 0, 0, E_CORRUPT},
                 {2, INT64_MAX, 0, E_CORRUPT},
                 {2, 2, -1, E_UNSUPPORTED},
                 {2, 2, BOOST_TRANSFORM_COUNT, E_UNSUPPORTED}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture f;
        fixture_init(&f);
        f.n_features = cases[i].features;
        f.n_groups = cases[i].groups;
        f.transform = cases[i].transform;
        ck_assert_int_eq(prove(&f, OPERANDS), cases[i].expected);
    }
}
END_TEST

/* A chain of splits, one deeper than allowed or just as deep. */
START_TEST(depth_is_bounded)
{
    enum { DEEP = TREE_DEPTH_MAX + 1 };
    static struct tree_node nodes[2 * DEEP + 1];
    for (int extra = 0; extra < 2; extra++) {
        uint32_t splits = TREE_DEPTH_MAX + (uint32_t)extra, n = 2 * splits + 1;
        for (uint32_t i = 0; i < n; i++)
            nodes[i] = (struct tree_node){.value = 1, .first = i};
        for (uint32_t k = 0; k < splits; k++)
            nodes[2 * k] = (struct tree_node){.what = TREE_SPLITS, .first = 2 * k + 1};
        struct fixture f;
        fixture_init(&f);
        f.trees[0].walk = splits;
        f.t[TREE_TREES].dims[0] = 1;
        f.t[TREE_NODES] = (struct tensor){DT_I32, 2, {n, 3}, nodes};
        ck_assert_int_eq(prove(&f, OPERANDS), extra ? E_CORRUPT : OK);
    }
}
END_TEST

static enum status infer(struct fixture *f, struct tensor *out, uint64_t *scratch)
{
    ck_ok(prove(f, OPERANDS), &f->err);
    const struct tensor *in[OPERANDS];
    for (int i = 0; i < OPERANDS; i++)
        in[i] = &f->t[i];
    struct op_infer c = {.params = f->params, .n_in = OPERANDS, .n_out = 1, .in = in, .out = &out};
    enum status s = the_op()->infer(&c, &f->err);
    *scratch = c.scratch_bytes;
    return s;
}

START_TEST(features_must_fit)
{
    static const struct tensor bad[] = {{DT_F32, 2, {1, 3}, NULL},
                                        {DT_F32, 2, {1, 1}, NULL},
                                        {DT_F32, 1, {2}, NULL},
                                        {DT_F32, 3, {1, 1, 2}, NULL}};
    struct fixture f;
    struct tensor out;
    uint64_t scratch;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        fixture_init(&f);
        f.t[TREE_X] = bad[i];
        ck_assert_int_eq(infer(&f, &out, &scratch), E_BAD_INPUT);
    }
    fixture_init(&f);
    f.t[TREE_X].dtype = DT_F64;
    ck_assert_int_eq(infer(&f, &out, &scratch), E_UNSUPPORTED);
}
END_TEST

START_TEST(transforms_follow_their_formulas)
{
    /* margins of the row (2, 1): 0.25 + 0.5 and -0.25 + 1 */
    const float a = 0.75f, row[2] = {2, 1};
    const float e = expf(a);
    const float above = a + 1e-6f + logf(1 + e);
    static const int ranks[BOOST_TRANSFORM_COUNT] = {2, 2, 2, 2, 2, 1, 2, 2};
    const float expected[BOOST_TRANSFORM_COUNT] = {a, 1 / (1 + expf(-a)), e, 1, 0.5f, 0, a, a};
    for (int transform = 0; transform < BOOST_TRANSFORM_COUNT; transform++) {
        struct fixture f;
        struct tensor out = {0};
        uint64_t scratch;
        float result[2] = {-9, -9}, space[1024];
        fixture_init(&f);
        f.transform = transform;
        ck_ok(infer(&f, &out, &scratch), &f.err);
        ck_assert_int_eq(out.rank, ranks[transform]);
        ck_assert_uint_le(scratch, sizeof(space));
        const struct tensor *in[OPERANDS];
        for (int i = 0; i < OPERANDS; i++)
            in[i] = &f.t[i];
        f.t[TREE_X].data = (void *)row;
        out.data = result;
        struct tensor *outs[] = {&out};
        struct op_run run = {f.params, OPERANDS, 1, in, outs, space, NULL};
        ck_ok(the_op()->run(&run, &f.err), &f.err);
        ck_assert_float_eq_tol(result[0], expected[transform], 1e-6f);
        const float second = transform == BOOST_RISING ? above : expected[transform];
        ck_assert_float_eq_tol(result[1], out.rank == 2 ? second : -9, 1e-6f);
    }
}
END_TEST

/* A team that hands out one item at a time, the last one first. */
static void share_backwards(void *calls, void (*part)(void *arg, int64_t from, int64_t to),
                            void *arg, int64_t items)
{
    ++*(int *)calls;
    for (int64_t i = items; i-- > 0;)
        part(arg, i, i + 1);
}

enum { MANY_ROWS = 30001, FEW_ROWS = 64 };

/* All rows of x[][2] into y; returns how often others were asked for help. */
static int run_rows(struct fixture *f, float (*x)[2], int64_t rows, bool shared, float *y)
{
    int calls = 0;
    const struct op_team team = {share_backwards, &calls};
    struct tensor out = {0}, *outs[] = {&out};
    const struct tensor *in[OPERANDS];
    float space[1024];
    uint64_t scratch;
    f->t[TREE_X] = (struct tensor){DT_F32, 2, {rows, 2}, x};
    ck_ok(infer(f, &out, &scratch), &f->err);
    ck_assert_uint_le(scratch, sizeof(space));
    for (int i = 0; i < OPERANDS; i++)
        in[i] = &f->t[i];
    out.data = y;
    const struct op_run run = {f->params, OPERANDS, 1, in, outs, space, shared ? &team : NULL};
    ck_ok(the_op()->run(&run, &f->err), &f->err);
    return calls;
}

START_TEST(many_rows_are_shared_and_give_the_same_bits)
{
    static float x[MANY_ROWS][2], alone[2 * MANY_ROWS], parts[2 * MANY_ROWS];
    for (int r = 0; r < MANY_ROWS; r++) {
        x[r][0] = (float)(r % 7) / 3;
        x[r][1] = (float)(r % 5) - 1;
    }
    for (int transform = 0; transform < BOOST_TRANSFORM_COUNT; transform++) {
        struct fixture f;
        fixture_init(&f);
        f.transform = transform;
        memset(alone, 0xa5, sizeof(alone));
        memset(parts, 0xa5, sizeof(parts));
        ck_assert_int_eq(run_rows(&f, x, MANY_ROWS, false, alone), 0);
        ck_assert_int_eq(run_rows(&f, x, MANY_ROWS, true, parts), transform != BOOST_ARGMAX);
        ck_assert_mem_eq(alone, parts, sizeof(alone));
        ck_assert_int_eq(run_rows(&f, x, FEW_ROWS, true, parts), 0);
        ck_assert_int_eq(run_rows(&f, x, 0, true, parts), 0);
    }
}
END_TEST

Suite *suite_tree_ensemble(void)
{
    return SUITE("tree_ensemble", a_good_ensemble_passes, every_single_fault_is_refused,
                 full_trees_are_proven_too, tables_of_the_wrong_kind_are_refused,
                 attributes_out_of_range_are_refused, depth_is_bounded, features_must_fit,
                 transforms_follow_their_formulas, many_rows_are_shared_and_give_the_same_bits);
}
