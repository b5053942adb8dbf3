/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Greater: a > b.  source: ONNX Greater-1 (one-sided broadcast), Greater-13 */
#include "ops/binary.h"

static const struct binary_set set = {.op = "Greater",
                                      .f32 = greater_f32,
                                      .f64 = greater_f64,
                                      BINARY_INTEGERS(greater),
                                      .to_bool = true};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return binary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return binary_run(ctx, &set, err);
}

const struct op op_greater = {
    .domain = "",
    .name = "Greater",
    .code = OP_CODE_greater,
    .since = {1, 7, 9, 13},
    .types = OP_NUMBERS,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct binary_params),
    .prepare = binary_prepare,
    .infer = infer,
    .run = run,
};
