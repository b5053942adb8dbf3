/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* MaxPool, 1 to 3 spatial dims.  Its output Indices is not supported.
 * source: ONNX MaxPool-12 */
#include "ops/pool_common.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return pool_prepare(node, "MaxPool", params, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return pool_infer(ctx, "MaxPool", err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return pool_run(ctx, "MaxPool", max_pool_f32, err);
}

const struct op op_max_pool = {
    .domain = "",
    .name = "MaxPool",
    .code = OP_CODE_max_pool,
    .since = {1, 8, 10, 11, 12},
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 2,
    .params_bytes = sizeof(struct pool_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
