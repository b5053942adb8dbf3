/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Elu: alpha * (e^x - 1) below 0.  source: ONNX Elu-6 */
#include "ops/unary.h"

struct params {
    float alpha;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return attr_float(&node->attrs, ATTR_alpha, 1, &p->alpha, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return activation_infer(ctx, "Elu", err);
}

static const struct activation_set wide = {"Elu", alpha_elu_f32, alpha_elu_f64};

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    if (ctx->in[0]->dtype != DT_F32) {
        activation_run(ctx, &wide, (const double[2]){(double)p->alpha, 0});
        return OK;
    }
    elu_f32(tensor_count(ctx->in[0]), ctx->in[0]->data, ctx->out[0]->data, p->alpha);
    return OK;
}

const struct op op_elu = {
    .domain = "",
    .name = "Elu",
    .code = OP_CODE_elu,
    .since = {1, 6},
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
