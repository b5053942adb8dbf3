/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* AveragePool, 1 to 3 spatial dims.  source: ONNX AveragePool-11, AveragePool-19 (dilations) */
#include "ops/as_f32.h"
#include "ops/pool_common.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return pool_prepare(node, "AveragePool", params, err);
}

static enum status infer_own(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "AveragePool", 1, err);
    if (s == OK && ctx->in[0]->dtype != DT_F64)
        s = op_only(ctx, "AveragePool", 0, DT_F32, err);
    return s == OK ? pool_infer(ctx, "AveragePool", err) : s;
}

static enum status run_own(const struct op_run *ctx, struct err *err)
{
    if (ctx->in[0]->dtype == DT_F32)
        return pool_run(ctx, "AveragePool", average_pool_f32, err);
    struct pool p;
    enum status s = pool_describe(ctx, "AveragePool", &p, err);
    if (s == OK && tensor_count(ctx->out[0]) > 0)
        average_pool_f64(&p, ctx->in[0]->data, ctx->out[0]->data);
    return s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return as_f32_infer(ctx, "AveragePool", infer_own, AS_F32_HALF, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return as_f32_run(ctx, run_own, AS_F32_HALF, err);
}

const struct op op_average_pool = {
    .domain = "",
    .name = "AveragePool",
    .code = OP_CODE_average_pool,
    .since = {1, 7, 10, 11, 19},
    .types = OP_FLOATS,
    .items = OP_ITEMS(0),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct pool_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
