/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* InstanceNormalization: every channel of every batch element by itself.
 * source: ONNX InstanceNormalization-1, 6, 22 */
#include "ops/group_common.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct group_params *p = params;
    return attr_float(&node->attrs, ATTR_epsilon, 1e-5f, &p->epsilon, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return group_infer(ctx, "InstanceNormalization", err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    return group_run(ctx);
}

const struct op op_instance_normalization = {
    .domain = "",
    .name = "InstanceNormalization",
    .code = OP_CODE_instance_normalization,
    .since = {1, 6, 22},
    .types = OP_FLOATS,
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct group_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
