/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Conv, 1 to 3 spatial dims, groups, dilations, any pads.  source: ONNX Conv-11 */
#include "ops/as_f32.h"
#include "ops/conv_common.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return conv_prepare(node, "Conv", params, err);
}

static enum status infer_own(struct op_infer *ctx, struct err *err)
{
    return conv_infer(ctx, "Conv", err);
}

static enum status run_own(const struct op_run *ctx, struct err *err)
{
    return conv_run(ctx, "Conv", err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return as_f32_infer(ctx, "Conv", infer_own, AS_F32_HALF, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return as_f32_run(ctx, run_own, AS_F32_HALF, err);
}

const struct op op_conv = {
    .domain = "",
    .name = "Conv",
    .code = OP_CODE_conv,
    .since = {1, 11},
    .types = OP_FLOATS,
    .items = OP_ITEMS(0),
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct conv_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
