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
    return unary_infer_f32(ctx, "Elu", err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    elu_f32(tensor_count(ctx->in[0]), ctx->in[0]->data, ctx->out[0]->data, p->alpha);
    return OK;
}

const struct op op_elu = {
    .domain = "",
    .name = "Elu",
    .code = OP_CODE_elu,
    .since = {1, 6},
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
