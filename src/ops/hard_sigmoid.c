/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* HardSigmoid: alpha * x + beta, in [0, 1].  source: ONNX HardSigmoid-6 */
#include "ops/unary.h"

struct params {
    float alpha;
    float beta;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = attr_float(&node->attrs, ATTR_alpha, 0.2f, &p->alpha, err);
    return s == OK ? attr_float(&node->attrs, ATTR_beta, 0.5f, &p->beta, err) : s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return activation_infer(ctx, "HardSigmoid", err);
}

static const struct activation_set wide = {"HardSigmoid", alpha_hard_sigmoid_f32,
                                           alpha_hard_sigmoid_f64};

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    if (ctx->in[0]->dtype != DT_F32) {
        activation_run(ctx, &wide, (const double[2]){(double)p->alpha, (double)p->beta});
        return OK;
    }
    affine_f32(tensor_count(ctx->in[0]), ctx->in[0]->data, ctx->out[0]->data, p->alpha, p->beta);
    clip_f32(tensor_count(ctx->in[0]), ctx->out[0]->data, ctx->out[0]->data, 0, 1);
    return OK;
}

const struct op op_hard_sigmoid = {
    .domain = "",
    .name = "HardSigmoid",
    .code = OP_CODE_hard_sigmoid,
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
