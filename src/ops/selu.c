/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Selu: gamma * Elu(x) with the given alpha.  source: ONNX Selu-6 */
#include "ops/unary.h"

struct params {
    float alpha;
    float gamma;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s =
        attr_float(&node->attrs, ATTR_alpha, 1.67326319217681884765625f, &p->alpha, err);
    return s == OK
               ? attr_float(&node->attrs, ATTR_gamma, 1.05070102214813232421875f, &p->gamma, err)
               : s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return activation_infer(ctx, "Selu", err);
}

static const struct activation_set wide = {"Selu", alpha_selu_f32, alpha_selu_f64};

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    if (ctx->in[0]->dtype != DT_F32) {
        activation_run(ctx, &wide, (const double[2]){(double)p->alpha, (double)p->gamma});
        return OK;
    }
    elu_f32(tensor_count(ctx->in[0]), ctx->in[0]->data, ctx->out[0]->data, p->alpha);
    affine_f32(tensor_count(ctx->in[0]), ctx->out[0]->data, ctx->out[0]->data, p->gamma, 0);
    return OK;
}

const struct op op_selu = {
    .domain = "",
    .name = "Selu",
    .code = OP_CODE_selu,
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
