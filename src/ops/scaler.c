/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Scaler: (x - offset) * scale, each one number or one per column; float32 out.
 * source: ONNX ai.onnx.ml Scaler-1 */
#include "ops/ml.h"

enum operand { X, OFFSET, SCALE };

static enum status check_count(const struct op_infer *c, int i, struct err *err)
{
    const struct tensor *x = c->in[X];
    int64_t n = ml_count(c->in, c->n_in, i), columns = x->rank ? x->dims[x->rank - 1] : 1;
    enum status s = ml_vector(c, "Scaler", i, DT_F32, err);
    if (s != OK || !op_operand(c->in, c->n_in, i) || n == 1 || n == columns)
        return s;
    return op_bad("Scaler", i, c->in[i], "one number, or one per column", err);
}

static enum status infer(struct op_infer *c, struct err *err)
{
    enum status s = op_operands(c, "Scaler", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[X];
    if (!ml_numeric(x->dtype))
        return op_no_kernel("Scaler", X, x, err);
    s = check_count(c, OFFSET, err);
    if (s == OK)
        s = check_count(c, SCALE, err);
    return s == OK ? op_output(c, 0, "Scaler", DT_F32, x->rank, x->dims, err) : s;
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    static const float zero = 0, one = 1;
    const struct tensor *x = c->in[X];
    const struct tensor *offset = op_operand(c->in, c->n_in, OFFSET);
    const struct tensor *scale = op_operand(c->in, c->n_in, SCALE);
    const float *by = offset ? offset->data : &zero, *times = scale ? scale->data : &one;
    int64_t by_step = offset && tensor_count(offset) > 1,
            columns = x->rank ? x->dims[x->rank - 1] : 1;
    int64_t times_step = scale && tensor_count(scale) > 1, n = tensor_count(x);
    float *y = c->out[0]->data;
    for (int64_t i = 0; i < n; i += columns)
        for (int64_t k = 0; k < columns; k++)
            y[i + k] = (ml_get(x, i + k) - by[k * by_step]) * times[k * times_step];
    return OK;
}

static const enum attr_key consts[] = {ATTR_offset, ATTR_scale, ATTR_NONE};

const struct op op_scaler = {
    .domain = "ai.onnx.ml",
    .name = "Scaler",
    .code = OP_CODE_scaler,
    .since = {1},
    .types = OP_T(F32) | OP_T(F64) | OP_T(I32) | OP_T(I64),
    .in_min = 1,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .const_attrs = consts,
    .infer = infer,
    .run = run,
};
