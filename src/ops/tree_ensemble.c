/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.TreeEnsemble: boosted trees as data. check proves the tables once, when a program is bound
 * (tree_proof.c); run then follows them without looking. */
#include "ops/tree_ensemble.h"

#include <inttypes.h>
#include <math.h>

#include "kernels/trees.h"
#include "ops/ops_priv.h"
#include "ops/tree_proof.h"

enum {
    BLOCK_ROWS = 64, /* rows whose margins stand in scratch while TREE_ARGMAX reads them */
};

struct params {
    uint32_t n_features, n_groups;
    enum tree_transform transform;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    int64_t features, groups, transform;
    enum status s = attr_int(&node->attrs, ATTR_n_features, 0, &features, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_n_groups, 1, &groups, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_transform, TREE_MARGINS, &transform, err);
    if (s != OK)
        return s;
    if (features < 1 || features > TREE_FEATURES_MAX || groups < 1 || groups > TREE_GROUPS_MAX)
        return err_set(err, E_CORRUPT, "TreeEnsemble: %" PRId64 " features and %" PRId64 " groups",
                       features, groups);
    if (transform < 0 || transform >= TREE_TRANSFORM_COUNT)
        return err_set(err, E_UNSUPPORTED, "TreeEnsemble: transform %" PRId64 " is not known",
                       transform);
    p->n_features = (uint32_t)features;
    p->n_groups = (uint32_t)groups;
    p->transform = (enum tree_transform)transform;
    return OK;
}

static enum status check(const void *params, int n_in, const struct tensor *const *in,
                         struct err *err)
{
    const struct params *p = params;
    return tree_proof(in, MIN(n_in, TREE_OPERANDS), p->n_features, p->n_groups, err);
}

/* ---- shapes ---- */

static enum status infer(struct op_infer *c, struct err *err)
{
    const struct params *p = c->params;
    enum status s = op_operands(c, "TreeEnsemble", TREE_NODES + 1, err);
    if (s == OK)
        s = op_only(c, "TreeEnsemble", TREE_X, DT_F32, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[TREE_X];
    char text[TENSOR_TEXT_MAX];
    if (x->rank != 2 || x->dims[1] != p->n_features)
        return err_set(err, E_BAD_INPUT,
                       "TreeEnsemble: the features are %s, expected float32[N,%" PRIu32 "]",
                       tensor_text(x, text), p->n_features);
    bool matrix = p->n_groups > 1 && p->transform != TREE_ARGMAX;
    int64_t dims[2] = {x->dims[0], p->n_groups};
    if (p->transform == TREE_ARGMAX)
        c->scratch_bytes = sizeof(float) * BLOCK_ROWS * (uint64_t)p->n_groups;
    return op_output(c, 0, "TreeEnsemble", DT_F32, matrix ? 2 : 1, dims, err);
}

/* ---- the run ---- */

/* XGBoost's form, term by term, so that the bits are the same. */
static float sigmoid(float x)
{
    float e = expf(fminf(-x, 88.7f));
    return 1.0f / (e + 1.0f + 1e-16f);
}

static void softmax(float *m, uint32_t n)
{
    float top = m[0];
    double sum = 0;
    for (uint32_t i = 1; i < n; i++)
        top = fmaxf(top, m[i]);
    for (uint32_t i = 0; i < n; i++) {
        m[i] = expf(m[i] - top);
        sum += m[i];
    }
    for (uint32_t i = 0; i < n; i++)
        m[i] /= (float)sum;
}

static uint32_t argmax(const float *m, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (m[i] > m[best])
            best = i;
    return best;
}

/* In place; everything but TREE_ARGMAX, which changes the shape. */
static void transform(const struct params *p, float *m, int64_t rows)
{
    int64_t count = rows * p->n_groups;
    switch (p->transform) {
    case TREE_SIGMOID:
        for (int64_t i = 0; i < count; i++)
            m[i] = sigmoid(m[i]);
        return;
    case TREE_EXP:
        for (int64_t i = 0; i < count; i++)
            m[i] = expf(m[i]);
        return;
    case TREE_HINGE:
        for (int64_t i = 0; i < count; i++)
            m[i] = m[i] > 0.0f ? 1.0f : 0.0f;
        return;
    case TREE_SOFTMAX:
        for (int64_t r = 0; r < rows; r++)
            softmax(m + r * p->n_groups, p->n_groups);
        return;
    default:
        return;
    }
}

static void run_argmax(const struct tree_table *t, const float *x, int64_t rows, float *out,
                       float *margins)
{
    for (int64_t r = 0; r < rows; r += BLOCK_ROWS) {
        int64_t block = MIN(rows - r, BLOCK_ROWS);
        trees_margins(t, x + r * t->n_features, block, margins);
        for (int64_t i = 0; i < block; i++)
            out[r + i] = (float)argmax(margins + i * t->n_groups, t->n_groups);
    }
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct params *p = c->params;
    const struct tensor *sets = c->n_in > TREE_SETS ? c->in[TREE_SETS] : NULL;
    struct tree_table t = {
        .nodes = c->in[TREE_NODES]->data,
        .trees = c->in[TREE_TREES]->data,
        .sets = sets ? sets->data : NULL,
        .base = c->in[TREE_BASE]->data,
        .n_trees = (uint32_t)c->in[TREE_TREES]->dims[0],
        .n_groups = p->n_groups,
        .n_features = p->n_features,
    };
    const float *x = c->in[TREE_X]->data;
    int64_t rows = c->in[TREE_X]->dims[0];
    float *out = c->out[0]->data;
    if (p->transform == TREE_ARGMAX) {
        run_argmax(&t, x, rows, out, c->scratch);
        return OK;
    }
    trees_margins(&t, x, rows, out);
    transform(p, out, rows);
    return OK;
}

const struct op op_tree_ensemble = {
    .domain = "roost",
    .name = "TreeEnsemble",
    .code = OP_CODE_tree_ensemble,
    .since = {1},
    .in_min = TREE_NODES + 1,
    .in_max = TREE_OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .check = check,
    .infer = infer,
    .run = run,
};
