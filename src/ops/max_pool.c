/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* MaxPool, 1 to 3 spatial dims, with the index of every maximum where asked for.
 * source: ONNX MaxPool-8 (Indices, storage_order), MaxPool-12 (8-bit integers) */
#include "ops/pool_common.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct pool_params *p = params;
    enum status s = pool_prepare(node, "MaxPool", p, err);
    return s == OK ? op_flag(node, ATTR_storage_order, 0, &p->by_columns, err) : s;
}

static max_pool_any_fn *pick(enum dtype t)
{
    switch (t) {
    case DT_F16:
        return max_pool_any_f16;
    case DT_BF16:
        return max_pool_any_bf16;
    case DT_F32:
        return max_pool_any_f32;
    case DT_F64:
        return max_pool_any_f64;
    case DT_I8:
        return max_pool_any_i8;
    case DT_U8:
        return max_pool_any_u8;
    default:
        return NULL;
    }
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "MaxPool", 1, err);
    if (s == OK && !pick(ctx->in[0]->dtype))
        s = op_no_kernel("MaxPool", 0, ctx->in[0], err);
    return s == OK ? pool_infer(ctx, "MaxPool", err) : s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct pool_params *params = ctx->params;
    const struct tensor *x = ctx->in[0], *indices = ctx->n_out > 1 ? ctx->out[1] : NULL;
    if (x->dtype == DT_F32 && !indices)
        return pool_run(ctx, "MaxPool", max_pool_f32, err);
    struct pool p;
    enum status s = pool_describe(ctx, "MaxPool", &p, err);
    if (s == OK && tensor_count(ctx->out[0]) > 0)
        pick(x->dtype)(&p, x->data, ctx->out[0]->data, indices ? indices->data : NULL,
                       params->by_columns);
    return s;
}

const struct op op_max_pool = {
    .domain = "",
    .name = "MaxPool",
    .code = OP_CODE_max_pool,
    .since = {1, 8, 10, 11, 12},
    .types = OP_FLOATS | OP_T(I8) | OP_T(U8),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 2,
    .params_bytes = sizeof(struct pool_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
