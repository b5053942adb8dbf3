/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ReduceProd: the product over axes; integers wrap.  source: ONNX ReduceProd-13 (attribute),
 * ReduceProd-18 (operand) */
#include "ops/reduce.h"

static const struct reduce_set set = {.op = "ReduceProd",
                                      .u32 = reduce_prod_i32,
                                      .u64 = reduce_prod_i64,
                                      .f32 = reduce_prod_f32,
                                      .f64 = reduce_prod_f64,
                                      .i32 = reduce_prod_i32,
                                      .i64 = reduce_prod_i64};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return reduce_prepare(node, "ReduceProd", node->version < 18, params, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return reduce_infer(ctx, &set, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return reduce_run(ctx, &set, err);
}

const struct op op_reduce_prod = {
    .domain = "",
    .name = "ReduceProd",
    .code = OP_CODE_reduce_prod,
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
