/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* SVMRegressor; without support vectors the coefficients are a linear model.
 * source: ONNX ai.onnx.ml SVMRegressor-1 */
#include <inttypes.h>

#include "ops/svm.h"

enum operand { X, COEFFICIENTS, VECTORS, RHO, OPERANDS };

struct params {
    struct svm_kernel kernel;
    int64_t n_supports;
    bool one_class; /* the answer is 1 above 0, otherwise -1 */
    enum ml_post post;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = svm_kernel_read(node, &p->kernel, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_n_supports, 0, &p->n_supports, err);
    if (s == OK)
        s = op_flag(node, ATTR_one_class, 0, &p->one_class, err);
    if (s == OK)
        s = ml_post_read(node, &p->post, err);
    if (s == OK && p->n_supports < 0)
        s = err_set(err, E_CORRUPT, "SVMRegressor: n_supports is %" PRId64, p->n_supports);
    return s;
}

static enum status infer(struct op_infer *c, struct err *err)
{
    const struct params *p = c->params;
    enum status s = op_operands(c, "SVMRegressor", COEFFICIENTS + 1, err);
    if (s == OK)
        s = ml_matrix(c, "SVMRegressor", err);
    for (int i = COEFFICIENTS; s == OK && i < OPERANDS; i++)
        s = ml_vector(c, "SVMRegressor", i, DT_F32, err);
    if (s != OK)
        return s;
    struct ml_rows m = ml_rows(c->in[X]);
    int64_t expected, n = p->n_supports, vectors = ml_count(c->in, c->n_in, VECTORS);
    bool fits = ml_count(c->in, c->n_in, RHO) >= 1 &&
                ml_count(c->in, c->n_in, COEFFICIENTS) == (n ? n : m.columns) &&
                !__builtin_mul_overflow(n, m.columns, &expected) &&
                (!n || (op_operand(c->in, c->n_in, VECTORS) && vectors == expected));
    if (!fits)
        return err_set(err, E_BAD_INPUT,
                       "SVMRegressor: %" PRId64 " supports, %" PRId64 " coefficients, %" PRId64
                       " numbers in support_vectors do not go with %" PRId64 " features",
                       n, ml_count(c->in, c->n_in, COEFFICIENTS), vectors, m.columns);
    c->scratch_bytes = c->in[X]->dtype == DT_F32 ? 0 : sizeof(float) * (uint64_t)m.columns;
    int64_t dims[2] = {m.rows, 1};
    return op_output(c, 0, "SVMRegressor", DT_F32, 2, dims, err);
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct params *p = c->params;
    const float *coefficients = c->in[COEFFICIENTS]->data, *rho = c->in[RHO]->data;
    struct ml_rows m = ml_rows(c->in[X]);
    float *y = c->out[0]->data;
    for (int64_t r = 0; r < m.rows; r++) {
        const float *x = ml_row(c->in[X], m.columns, r, c->scratch);
        double sum = (double)rho[0];
        for (int64_t i = 0; i < p->n_supports; i++) {
            const float *vector = (const float *)c->in[VECTORS]->data + i * m.columns;
            sum += (double)coefficients[i] * svm_kernel(&p->kernel, x, vector, m.columns);
        }
        if (!p->n_supports)
            sum += svm_dot(x, coefficients, m.columns);
        y[r] = p->one_class ? (sum > 0 ? 1.0f : -1.0f) : (float)sum;
        ml_post_apply(p->post, y + r, 1);
    }
    return OK;
}

static const enum attr_key consts[] = {ATTR_coefficients, ATTR_support_vectors, ATTR_rho,
                                       ATTR_NONE};

const struct op op_svm_regressor = {
    .domain = "ai.onnx.ml",
    .name = "SVMRegressor",
    .code = OP_CODE_svm_regressor,
    .since = {1},
    .types = OP_T(F32) | OP_T(F64) | OP_T(I32) | OP_T(I64),
    .in_min = 2,
    .in_max = OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .const_attrs = consts,
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
