/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The transforms follow XGBoost's own forms term by term, so that the bits are the same.
 * source: XGBoost src/common/math.h and PredTransform of src/objective (each objective's) */
#include "ops/boost.h"

#include <inttypes.h>
#include <math.h>

#include "kernels/trees.h"
#include "ops/ops_priv.h"

enum {
    BLOCK_ROWS = 64, /* rows whose margins stand in scratch while BOOST_ARGMAX reads them */
};

enum status boost_prepare(const struct op_node *node, const char *op, struct boost_params *p,
                          struct err *err)
{
    int64_t features, groups, transform;
    enum status s = attr_int(&node->attrs, ATTR_n_features, 0, &features, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_n_groups, 1, &groups, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_transform, BOOST_MARGINS, &transform, err);
    if (s != OK)
        return s;
    if (features < 1 || features > TREE_FEATURES_MAX || groups < 1 || groups > TREE_GROUPS_MAX)
        return err_set(err, E_CORRUPT, "%s: %" PRId64 " features and %" PRId64 " groups", op,
                       features, groups);
    if (transform < 0 || transform >= BOOST_TRANSFORM_COUNT)
        return err_set(err, E_UNSUPPORTED, "%s: transform %" PRId64 " is not known", op, transform);
    p->n_features = (uint32_t)features;
    p->n_groups = (uint32_t)groups;
    p->transform = (enum boost_transform)transform;
    return OK;
}

enum status boost_infer(struct op_infer *c, const char *op, const struct boost_params *p,
                        struct err *err)
{
    enum status s = op_only(c, op, 0, DT_F32, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[0];
    char text[TENSOR_TEXT_MAX];
    if (x->rank != 2 || x->dims[1] != p->n_features)
        return err_set(err, E_BAD_INPUT, "%s: the features are %s, expected float32[N,%" PRIu32 "]",
                       op, tensor_text(x, text), p->n_features);
    bool matrix = p->n_groups > 1 && p->transform != BOOST_ARGMAX;
    int64_t dims[2] = {x->dims[0], p->n_groups};
    if (p->transform == BOOST_ARGMAX)
        c->scratch_bytes = sizeof(float) * BLOCK_ROWS * (uint64_t)p->n_groups;
    return op_output(c, 0, op, DT_F32, matrix ? 2 : 1, dims, err);
}

/* ---- the transforms ---- */

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

/* Shell's sort with Knuth's gaps: in place, and its time stays bounded for 65,536 groups. */
static void sort(float *m, uint32_t n)
{
    uint32_t gap = 1;
    while (gap < n / 3)
        gap = 3 * gap + 1;
    for (; gap; gap /= 3)
        for (uint32_t i = gap; i < n; i++) {
            float v = m[i];
            uint32_t k = i;
            for (; k >= gap && m[k - gap] > v; k -= gap)
                m[k] = m[k - gap];
            m[k] = v;
        }
}

static void rise(float *m, uint32_t n)
{
    float at = m[0];
    for (uint32_t i = 1; i < n; i++) {
        at += BOOST_RISING_STEP + fmaxf(m[i], 0.0f) + log1pf(expf(-fabsf(m[i])));
        m[i] = at;
    }
}

static uint32_t argmax(const float *m, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (m[i] > m[best])
            best = i;
    return best;
}

static void transform_row(enum boost_transform t, float *m, uint32_t n)
{
    switch (t) {
    case BOOST_SIGMOID:
        for (uint32_t i = 0; i < n; i++)
            m[i] = sigmoid(m[i]);
        return;
    case BOOST_EXP:
        for (uint32_t i = 0; i < n; i++)
            m[i] = expf(m[i]);
        return;
    case BOOST_HINGE:
        for (uint32_t i = 0; i < n; i++)
            m[i] = m[i] > 0.0f ? 1.0f : 0.0f;
        return;
    case BOOST_SOFTMAX:
        softmax(m, n);
        return;
    case BOOST_SORTED:
        sort(m, n);
        return;
    case BOOST_RISING:
        rise(m, n);
        return;
    default:
        return;
    }
}

/* ---- the run ---- */

struct boost_job {
    const struct op_run *c;
    const struct boost_params *p;
    boost_margins_fn *margins;
    const void *model;
    int64_t rows;
};

/* Blocks of rows [from, to). */
static void blocks(void *arg, int64_t from, int64_t to)
{
    const struct boost_job *j = arg;
    const struct boost_params *p = j->p;
    const int64_t row = from * BLOCK_ROWS, end = MIN(to * BLOCK_ROWS, j->rows);
    const float *x = j->c->in[0]->data;
    float *out = j->c->out[0]->data;
    j->margins(j->model, x + row * p->n_features, end - row, out + row * p->n_groups);
    for (int64_t r = row; p->transform != BOOST_MARGINS && r < end; r++)
        transform_row(p->transform, out + r * p->n_groups, p->n_groups);
}

static void blocks_argmax(const struct boost_job *j)
{
    const struct boost_params *p = j->p;
    const float *x = j->c->in[0]->data;
    float *out = j->c->out[0]->data, *block = j->c->scratch;
    for (int64_t r = 0; r < j->rows; r += BLOCK_ROWS) {
        int64_t count = MIN(j->rows - r, BLOCK_ROWS);
        j->margins(j->model, x + r * p->n_features, count, block);
        for (int64_t i = 0; i < count; i++)
            out[r + i] = (float)argmax(block + i * p->n_groups, p->n_groups);
    }
}

void boost_run(const struct op_run *c, const struct boost_params *p, boost_margins_fn *margins,
               const void *model, double row_work)
{
    struct boost_job j = {c, p, margins, model, c->in[0]->dims[0]};
    const int64_t n = (j.rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
    if (p->transform == BOOST_ARGMAX)
        blocks_argmax(&j);
    else if (c->team && n > 1 && (double)j.rows * row_work >= OP_TEAM_WORK)
        c->team->share(c->team->self, blocks, &j, n);
    else if (n)
        blocks(&j, 0, n);
}
