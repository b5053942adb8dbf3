/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ReduceMax: the largest over axes.  source: ONNX ReduceMax-13 (attribute), ReduceMax-18 (operand)
 */
#include "ops/reduce.h"

static const struct reduce_set set = {.op = "ReduceMax",
                                      .i8 = reduce_max_i8,
                                      .i16 = reduce_max_i16,
                                      .u8 = reduce_max_u8,
                                      .u16 = reduce_max_u16,
                                      .u32 = reduce_max_u32,
                                      .u64 = reduce_max_u64,
                                      .boolean = reduce_max_u8,
                                      .f32 = reduce_max_f32,
                                      .f64 = reduce_max_f64,
                                      .i32 = reduce_max_i32,
                                      .i64 = reduce_max_i64,
                                      .needs_some = true};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return reduce_prepare(node, "ReduceMax", node->version < 18, params, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return reduce_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return reduce_run(ctx, &set, err);
}

const struct op op_reduce_max = {
    .domain = "",
    .name = "ReduceMax",
    .code = OP_CODE_reduce_max,
    .since = {1, 11, 12, 13, 18, 20},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct reduce_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
