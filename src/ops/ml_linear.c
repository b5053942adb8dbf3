/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Linear models are a matrix product. Features that are not float32 are converted first, into
 * scratch. */
#include "ops/ml_linear.h"

#include "base/checked.h"

enum status ml_linear_infer(struct op_infer *c, const char *op, int64_t targets, uint64_t own,
                            struct err *err)
{
    enum status s = ml_matrix(c, op, err);
    if (s == OK)
        s = op_operands(c, op, LINEAR_COEFFICIENTS + 1, err);
    if (s == OK)
        s = ml_vector(c, op, LINEAR_COEFFICIENTS, DT_F32, err);
    if (s == OK)
        s = ml_vector(c, op, LINEAR_INTERCEPTS, DT_F32, err);
    if (s != OK)
        return s;
    struct ml_rows m = ml_rows(c->in[LINEAR_X]);
    int64_t coefficients = tensor_count(c->in[LINEAR_COEFFICIENTS]), expected;
    int64_t intercepts = ml_count(c->in, c->n_in, LINEAR_INTERCEPTS);
    if (__builtin_mul_overflow(m.columns, targets, &expected) || coefficients != expected ||
        (intercepts && intercepts != targets))
        return err_set(err, E_BAD_INPUT,
                       "%s: %lld coefficients and %lld intercepts, expected %lld targets for %lld "
                       "features",
                       op, (long long)coefficients, (long long)intercepts, (long long)targets,
                       (long long)m.columns);
    uint64_t copy = 0;
    bool converts = c->in[LINEAR_X]->dtype != DT_F32;
    if ((converts && !checked_mul((uint64_t)tensor_count(c->in[LINEAR_X]), sizeof(float), &copy)) ||
        !checked_add(own, copy, &c->scratch_bytes))
        return err_set(err, E_BAD_INPUT, "%s: the features have no size", op);
    return OK;
}

void ml_linear_run(const struct op_run *c, int64_t targets, float *y, void *scratch)
{
    const struct tensor *x = c->in[LINEAR_X];
    const struct tensor *intercepts = op_operand(c->in, c->n_in, LINEAR_INTERCEPTS);
    struct ml_rows m = ml_rows(x);
    const float *rows = x->data, *add = intercepts ? intercepts->data : NULL;
    if (x->dtype != DT_F32) {
        ml_row(x, m.rows * m.columns, 0, scratch);
        rows = scratch;
    }
    bool has = intercepts && tensor_count(intercepts);
    for (int64_t i = 0; i < m.rows * targets; i++)
        y[i] = has ? add[i % targets] : 0;
    struct gemm g = {.m = m.rows,
                     .n = targets,
                     .k = m.columns,
                     .a = rows,
                     .b = c->in[LINEAR_COEFFICIENTS]->data,
                     .y = y,
                     .lda = m.columns,
                     .ldb = m.columns,
                     .ldy = targets,
                     .alpha = 1,
                     .trans_b = true,
                     .accumulate = true};
    if (m.rows && targets)
        gemm_f32(&g);
}
