/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LinearRegressor.  source: ONNX ai.onnx.ml LinearRegressor-1 */
#include <inttypes.h>

#include "ops/ml_linear.h"

enum { TARGETS_MAX = 1 << 20 };

struct params {
    int64_t targets;
    enum ml_post post;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = attr_int(&node->attrs, ATTR_targets, 1, &p->targets, err);
    if (s == OK)
        s = ml_post_read(node, &p->post, err);
    if (s == OK && (p->targets < 1 || p->targets > TARGETS_MAX))
        s = err_set(err, E_CORRUPT, "LinearRegressor: %" PRId64 " targets", p->targets);
    return s;
}

static enum status infer(struct op_infer *c, struct err *err)
{
    const struct params *p = c->params;
    enum status s = ml_linear_infer(c, "LinearRegressor", p->targets, 0, err);
    if (s != OK)
        return s;
    int64_t dims[2] = {ml_rows(c->in[LINEAR_X]).rows, p->targets};
    return op_output(c, 0, "LinearRegressor", DT_F32, 2, dims, err);
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct params *p = c->params;
    float *y = c->out[0]->data;
    ml_linear_run(c, p->targets, y, c->scratch);
    for (int64_t r = 0; r < c->out[0]->dims[0]; r++)
        ml_post_apply(p->post, y + r * p->targets, p->targets);
    return OK;
}

static const enum attr_key consts[] = {ATTR_coefficients, ATTR_intercepts, ATTR_NONE};

const struct op op_linear_regressor = {
    .domain = "ai.onnx.ml",
    .name = "LinearRegressor",
    .code = OP_CODE_linear_regressor,
    .since = {1},
    .types = OP_T(F32) | OP_T(F64) | OP_T(I32) | OP_T(I64),
    .in_min = 2,
    .in_max = LINEAR_OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .const_attrs = consts,
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
