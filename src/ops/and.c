/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* And: logical and.  source: ONNX And-1 (one-sided broadcast), And-7 */
#include "ops/binary.h"

static const struct binary_set set = {.op = "And", .boolean = and_bool, .to_bool = true};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return binary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return binary_run(ctx, &set, err);
}

const struct op op_and = {
    .domain = "",
    .name = "And",
    .code = OP_CODE_and,
    .since = {1, 7},
    .types = OP_T(BOOL),
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct binary_params),
    .prepare = binary_prepare,
    .infer = infer,
    .run = run,
};
