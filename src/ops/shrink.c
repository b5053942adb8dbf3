/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Shrink: x moved by bias towards 0 where |x| > lambd, else 0.  source: ONNX Shrink-9 */
#include "ops/as_f32.h"
#include "ops/unary.h"

struct params {
    float lambd;
    float bias;
};

static const struct activation_set set = {"Shrink", alpha_shrink_f32, alpha_shrink_f64};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = attr_float(&node->attrs, ATTR_lambd, 0.5f, &p->lambd, err);
    return s == OK ? attr_float(&node->attrs, ATTR_bias, 0, &p->bias, err) : s;
}

static enum status infer_own(struct op_infer *ctx, struct err *err)
{
    return activation_infer(ctx, "Shrink", err);
}

static enum status run_own(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    activation_run(ctx, &set, (const double[2]){(double)p->lambd, (double)p->bias});
    return OK;
}

/* Integers go through float32. */
static enum status infer(struct op_infer *ctx, struct err *err)
{
    return as_f32_infer(ctx, "Shrink", infer_own, AS_F32_INTEGERS, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return as_f32_run(ctx, run_own, AS_F32_INTEGERS, err);
}

const struct op op_shrink = {
    .domain = "",
    .name = "Shrink",
    .code = OP_CODE_shrink,
    .since = {9},
    .types = OP_NUMBERS,
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
