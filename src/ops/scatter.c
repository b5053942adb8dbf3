/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Scatter; see scatter_common.c.  source: ONNX Scatter-9, 11 */
#include "ops/scatter.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return scatter_elements_infer(ctx, "Scatter", err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return scatter_elements_run(ctx, "Scatter", err);
}

const struct op op_scatter = {
    .domain = "",
    .name = "Scatter",
    .code = OP_CODE_scatter,
    .since = {9, 11},
    .types = OP_ANY,
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE | OP_STRINGS,
    .params_bytes = sizeof(struct scatter_params),
    .prepare = scatter_prepare,
    .infer = infer,
    .run = run,
};
