/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* FeatureVectorizer: rows of several inputs side by side, as float32.
 * source: ONNX ai.onnx.ml FeatureVectorizer-1 */
#include <inttypes.h>

#include "ops/ml.h"

enum { INPUTS_MAX = 60 }; /* what the parameters have room for */

struct params {
    int32_t columns[INPUTS_MAX]; /* of each input, as the model says */
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    int64_t columns[INPUTS_MAX];
    int n;
    enum status s = attr_ints(&node->attrs, ATTR_inputdimensions, columns, INPUTS_MAX, &n, err);
    if (s != OK)
        return s;
    if (n != node->n_in)
        return err_set(err, E_CORRUPT, "FeatureVectorizer: %d inputs, %d inputdimensions",
                       node->n_in, n);
    for (int i = 0; i < n; i++) {
        if (columns[i] < 1 || columns[i] > INT32_MAX)
            return err_set(err, E_CORRUPT, "FeatureVectorizer: inputdimensions has %" PRId64,
                           columns[i]);
        p->columns[i] = (int32_t)columns[i];
    }
    return OK;
}

static enum status infer(struct op_infer *c, struct err *err)
{
    const struct params *p = c->params;
    enum status s = op_operands(c, "FeatureVectorizer", c->n_in, err);
    int64_t dims[2] = {1, 0};
    for (int i = 0; s == OK && i < c->n_in; i++) {
        const struct tensor *x = c->in[i];
        if (!ml_numeric(x->dtype))
            return op_no_kernel("FeatureVectorizer", i, x, err);
        if (x->rank != 1 && x->rank != 2)
            return op_bad("FeatureVectorizer", i, x, "rows of features, [N,F] or [F]", err);
        struct ml_rows m = ml_rows(x);
        dims[0] = i ? dims[0] : m.rows;
        if (m.rows != dims[0] || m.columns != p->columns[i])
            return op_bad("FeatureVectorizer", i, x,
                          "as many rows as input 0, and the columns that inputdimensions says",
                          err);
        dims[1] += m.columns;
    }
    return s == OK ? op_output(c, 0, "FeatureVectorizer", DT_F32, 2, dims, err) : s;
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct tensor *y = c->out[0];
    float *to = y->data;
    for (int64_t r = 0; r < y->dims[0]; r++)
        for (int i = 0; i < c->n_in; i++) {
            int64_t columns = ml_rows(c->in[i]).columns;
            for (int64_t k = 0; k < columns; k++)
                *to++ = ml_get(c->in[i], r * columns + k);
        }
    return OK;
}

const struct op op_feature_vectorizer = {
    .domain = "ai.onnx.ml",
    .name = "FeatureVectorizer",
    .code = OP_CODE_feature_vectorizer,
    .since = {1},
    .types = OP_T(F32) | OP_T(F64) | OP_T(I32) | OP_T(I64),
    .in_min = 1,
    .in_max = INPUTS_MAX,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
