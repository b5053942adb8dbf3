/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ai.onnx.ml's tree ensembles on tables as an artifact holds them: leaves that name vectors are
 * proved, classes and features are checked. Whole models against scikit-learn: tests/e2e. */
#include <string.h>

#include "kernels/trees.h"
#include "ops/ml.h"
#include "ops/tree_ensemble.h"
#include "support/support.h"

enum { GROUPS = 2, ROWS = 3 };

/* One split at feature 1 >= ... and two leaves, each a vector. */
struct fixture {
    struct tree_node nodes[3];
    struct tree_head head;
    float base[GROUPS], vectors[2 * GROUPS], x[ROWS * 2];
    int64_t labels[GROUPS];
    struct tensor t[TREE_LABELS + 1];
    int64_t n_features;
    struct err err;
};

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){
        .nodes = {{.cond = 5, .what = 1 | TREE_SPLITS, .first = 1},
                  {.set = 0, .first = 1},
                  {.set = 1, .first = 2}},
        .head = {.walk = 1},
        .base = {0.5f, 0},
        .vectors = {1, 2, 3, 1},
        .x = {0, 7, 0, 4, 0, 5},
        .labels = {-3, 8},
        .n_features = 2,
    };
    f->t[TREE_X] = (struct tensor){DT_F32, 2, {ROWS, 2}, f->x};
    f->t[TREE_BASE] = (struct tensor){DT_F32, 1, {GROUPS}, f->base};
    f->t[TREE_TREES] = (struct tensor){DT_I32, 2, {1, 3}, &f->head};
    f->t[TREE_NODES] = (struct tensor){DT_I32, 2, {3, 3}, f->nodes};
    f->t[TREE_VECTORS] = (struct tensor){DT_F32, 2, {2, GROUPS}, f->vectors};
    f->t[TREE_LABELS] = (struct tensor){DT_I64, 1, {GROUPS}, f->labels};
}

/* Everything, as a program would; label and scores to fill. */
static enum status go(struct fixture *f, int64_t label[ROWS], float scores[ROWS * GROUPS])
{
    const struct op *op = op_by_name("ai.onnx.ml", "TreeEnsembleClassifier");
    const struct attr attrs[] = {
        {.key = ATTR_n_features, .type = ATTR_INT, .count = 1, .i = f->n_features},
        {.key = ATTR_n_groups, .type = ATTR_INT, .count = 1, .i = GROUPS}};
    struct op_node node = {3, TREE_LABELS + 1, 2, {attrs, ARRAY_COUNT(attrs)}};
    const struct tensor *in[TREE_LABELS + 1];
    struct tensor outs[2], *out[2] = {&outs[0], &outs[1]};
    uint64_t params[OP_PARAMS_MAX / 8] = {0};
    float scratch[4096];
    for (int i = 0; i < TREE_LABELS + 1; i++)
        in[i] = i == TREE_SETS ? NULL : &f->t[i];
    enum status s = op->prepare(&node, params, &f->err);
    if (s == OK)
        s = op->check(params, TREE_LABELS + 1, in, &f->err);
    struct op_infer infer = {
        .params = params, .n_in = TREE_LABELS + 1, .n_out = 2, .in = in, .out = out};
    if (s == OK)
        s = op->infer(&infer, &f->err);
    if (s != OK)
        return s;
    ck_assert_uint_le(infer.scratch_bytes, sizeof(scratch));
    outs[0].data = label;
    outs[1].data = scores;
    struct op_run run = {params, TREE_LABELS + 1, 2, in, out, scratch, NULL};
    return op->run(&run, &f->err);
}

START_TEST(vectors_of_leaves_are_scores_and_labels)
{
    static const float want[] = {1.5f, 2, 3.5f, 1, 1.5f, 2};
    struct fixture f;
    int64_t label[ROWS];
    float scores[ROWS * GROUPS];
    fixture_init(&f);
    ck_ok(go(&f, label, scores), &f.err);
    ck_assert_mem_eq(scores, want, sizeof(want));
    ck_assert_int_eq(label[0], 8);
    ck_assert_int_eq(label[1], -3);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    struct fixture f;
    int64_t label[ROWS];
    float scores[ROWS * GROUPS];
    fixture_init(&f);
    f.nodes[2].set = 2; /* a vector behind the table */
    ck_assert_int_eq(go(&f, label, scores), E_CORRUPT);
    fixture_init(&f);
    f.t[TREE_VECTORS].dims[1] = 1; /* too narrow */
    ck_assert_int_eq(go(&f, label, scores), E_CORRUPT);
    fixture_init(&f);
    f.n_features = 1; /* a split looks beyond */
    ck_assert_int_eq(go(&f, label, scores), E_CORRUPT);
    fixture_init(&f);
    f.t[TREE_X].dims[1] = 1; /* rows too narrow */
    ck_assert_int_eq(go(&f, label, scores), E_BAD_INPUT);
    fixture_init(&f);
    f.t[TREE_LABELS].dims[0] = 1; /* a class without a label */
    ck_assert_int_eq(go(&f, label, scores), E_BAD_INPUT);
    fixture_init(&f);
    f.t[TREE_X].dtype = DT_F64;
    ck_assert_int_eq(go(&f, label, scores), E_UNSUPPORTED);
}
END_TEST

Suite *suite_tree_ml(void)
{
    return SUITE("tree_ml", vectors_of_leaves_are_scores_and_labels, what_does_not_fit_is_refused);
}
