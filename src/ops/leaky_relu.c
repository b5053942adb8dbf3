/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LeakyRelu: alpha * x below 0.  source: ONNX LeakyRelu-16 */
#include "ops/unary.h"

struct params {
    float alpha;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return attr_float(&node->attrs, ATTR_alpha, 0.01f, &p->alpha, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return activation_infer(ctx, "LeakyRelu", err);
}

static const struct activation_set wide = {"LeakyRelu", alpha_leaky_relu_f32, alpha_leaky_relu_f64};

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    if (ctx->in[0]->dtype != DT_F32) {
        activation_run(ctx, &wide, (const double[2]){(double)p->alpha, 0});
        return OK;
    }
    leaky_relu_f32(tensor_count(ctx->in[0]), ctx->in[0]->data, ctx->out[0]->data, p->alpha);
    return OK;
}

const struct op op_leaky_relu = {
    .domain = "",
    .name = "LeakyRelu",
    .code = OP_CODE_leaky_relu,
    .since = {1, 6, 16},
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
