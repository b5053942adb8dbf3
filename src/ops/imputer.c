/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Imputer: elements equal to one number (NaN equals NaN here) become the column's own.
 * source: ONNX ai.onnx.ml Imputer-1 */
#include <math.h>

#include "ops/ml.h"

enum operand { X, FLOATS, INTS };

struct params {
    float float_from;
    int64_t int_from;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = attr_float(&node->attrs, ATTR_replaced_value_float, 0, &p->float_from, err);
    if (s != OK)
        return s;
    return attr_int(&node->attrs, ATTR_replaced_value_int64, 0, &p->int_from, err);
}

static enum status infer(struct op_infer *c, struct err *err)
{
    enum status s = op_operands(c, "Imputer", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[X];
    if (!ml_numeric(x->dtype))
        return op_no_kernel("Imputer", X, x, err);
    int with = dtype_is_float(x->dtype) ? FLOATS : INTS;
    int64_t n = ml_count(c->in, c->n_in, with), columns = x->rank ? x->dims[x->rank - 1] : 1;
    s = ml_vector(c, "Imputer", with, with == FLOATS ? DT_F32 : DT_I64, err);
    if (s != OK)
        return s;
    if (!op_operand(c->in, c->n_in, with) || (n != 1 && n != columns))
        return err_set(err, E_BAD_INPUT,
                       "Imputer: %lld imputed values for this dtype, expected 1 or one for each of "
                       "%lld columns",
                       (long long)n, (long long)columns);
    return op_output(c, 0, "Imputer", x->dtype, x->rank, x->dims, err);
}

static void impute_f32(const float *x, float *y, int64_t n, float from, const float *to,
                       int64_t columns)
{
    for (int64_t i = 0; i < n; i++) {
        bool hit = x[i] == from || (isnan(from) && isnan(x[i]));
        y[i] = hit ? to[i % columns] : x[i];
    }
}

static void impute_f64(const double *x, double *y, int64_t n, float from, const float *to,
                       int64_t columns)
{
    for (int64_t i = 0; i < n; i++) {
        bool hit = x[i] == (double)from || (isnan(from) && isnan(x[i]));
        y[i] = hit ? (double)to[i % columns] : x[i];
    }
}

static void impute_ints(const struct tensor *x, const struct tensor *y, int64_t from,
                        const int64_t *to, int64_t columns)
{
    for (int64_t i = 0; i < tensor_count(x); i++) {
        int64_t v = tensor_get_i64(x, i);
        v = v == from ? to[i % columns] : v;
        if (y->dtype == DT_I64)
            ((int64_t *)y->data)[i] = v;
        else
            ((int32_t *)y->data)[i] = (int32_t)v;
    }
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct params *p = c->params;
    const struct tensor *x = c->in[X], *y = c->out[0];
    const struct tensor *to = c->in[dtype_is_float(x->dtype) ? FLOATS : INTS];
    int64_t columns = tensor_count(to), n = tensor_count(x);
    if (x->dtype == DT_F32)
        impute_f32(x->data, y->data, n, p->float_from, to->data, columns);
    else if (x->dtype == DT_F64)
        impute_f64(x->data, y->data, n, p->float_from, to->data, columns);
    else
        impute_ints(x, y, p->int_from, to->data, columns);
    return OK;
}

static const enum attr_key consts[] = {ATTR_imputed_value_floats, ATTR_imputed_value_int64s,
                                       ATTR_NONE};

const struct op op_imputer = {
    .domain = "ai.onnx.ml",
    .name = "Imputer",
    .code = OP_CODE_imputer,
    .since = {1},
    .types = OP_T(F32) | OP_T(F64) | OP_T(I32) | OP_T(I64),
    .in_min = 1,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct params),
    .const_attrs = consts,
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
