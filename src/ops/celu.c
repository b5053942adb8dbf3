/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Celu: alpha * (e^(x / alpha) - 1) below 0.  source: ONNX Celu-12 */
#include "ops/unary.h"

struct params {
    float alpha;
};

static const struct activation_set set = {"Celu", alpha_celu_f32, alpha_celu_f64};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return attr_float(&node->attrs, ATTR_alpha, 1, &p->alpha, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return activation_infer(ctx, "Celu", err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    activation_run(ctx, &set, (const double[2]){(double)p->alpha, 0});
    return OK;
}

const struct op op_celu = {
    .domain = "",
    .name = "Celu",
    .code = OP_CODE_celu,
    .since = {12},
    .types = OP_FLOATS,
    .items = OP_ITEMS(0),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
