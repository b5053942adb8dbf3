/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ReduceMean: the mean over axes.  source: ONNX ReduceMean-13 (attribute), ReduceMean-18 (operand)
 */
#include "ops/reduce.h"

static const struct reduce_set set = {.op = "ReduceMean",
                                      .i32 = reduce_sum_i32,
                                      .i64 = reduce_sum_i64,
                                      .u32 = reduce_sum_i32,
                                      .u64 = reduce_sum_i64,
                                      .f32 = reduce_sum_f32,
                                      .f64 = reduce_sum_f64,
                                      .finish = REDUCE_MEAN};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return reduce_prepare(node, "ReduceMean", node->version < 18, params, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return reduce_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return reduce_run(ctx, &set, err);
}

const struct op op_reduce_mean = {
    .domain = "",
    .name = "ReduceMean",
    .code = OP_CODE_reduce_mean,
    .since = {1, 11, 13, 18},
    .types = OP_FLOATS | OP_T(I32) | OP_T(I64) | OP_T(U32) | OP_T(U64),
    .in_min = 1,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct reduce_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
