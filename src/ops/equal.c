/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Equal: a == b.  source: ONNX Equal-1 (one-sided broadcast), Equal-13 */
#include "ops/binary.h"

static const struct binary_set set = {.op = "Equal",
                                      .f32 = equal_f32,
                                      .f64 = equal_f64,
                                      BINARY_INTEGERS(equal),
                                      .boolean = equal_bool,
                                      .to_bool = true};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return binary_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return binary_run(ctx, &set, err);
}

const struct op op_equal = {
    .domain = "",
    .name = "Equal",
    .code = OP_CODE_equal,
    .since = {1, 7, 11, 13},
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct binary_params),
    .prepare = binary_prepare,
    .infer = infer,
    .run = run,
};
