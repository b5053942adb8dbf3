/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Normalizer: each row divided by its maximum, by the sum of its magnitudes or by its length; a row
 * whose divisor is 0 stays as it is. float32 out.  source: ONNX ai.onnx.ml Normalizer-1 */
#include <math.h>

#include "ops/ml.h"

enum norm { NORM_MAX, NORM_L1, NORM_L2 };

struct params {
    enum norm norm;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    static const char *const words[] = {"MAX", "L1", "L2", NULL};
    struct params *p = params;
    int word = 0;
    enum status s = ml_word(node, ATTR_norm, words, &word, err);
    p->norm = (enum norm)word;
    return s;
}

static enum status infer(struct op_infer *c, struct err *err)
{
    enum status s = ml_matrix(c, "Normalizer", err);
    if (s != OK)
        return s;
    return op_output(c, 0, "Normalizer", DT_F32, c->in[0]->rank, c->in[0]->dims, err);
}

static float divisor(enum norm norm, const float *x, int64_t n)
{
    float top = -INFINITY;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        top = fmaxf(top, x[i]);
        sum += norm == NORM_L1 ? fabs((double)x[i]) : (double)x[i] * (double)x[i];
    }
    return norm == NORM_MAX ? top : norm == NORM_L1 ? (float)sum : (float)sqrt(sum);
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct params *p = c->params;
    struct ml_rows m = ml_rows(c->in[0]);
    for (int64_t r = 0; r < m.rows; r++) {
        float *y = (float *)c->out[0]->data + r * m.columns;
        const float *x = ml_row(c->in[0], m.columns, r, y);
        float by = divisor(p->norm, x, m.columns);
        for (int64_t i = 0; i < m.columns; i++)
            y[i] = by != 0 ? x[i] / by : x[i];
    }
    return OK;
}

const struct op op_normalizer = {
    .domain = "ai.onnx.ml",
    .name = "Normalizer",
    .code = OP_CODE_normalizer,
    .since = {1},
    .types = OP_T(F32) | OP_T(F64) | OP_T(I32) | OP_T(I64),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
