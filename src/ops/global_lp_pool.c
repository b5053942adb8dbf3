/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* GlobalLpPool: the p-norm of every channel's plane.
 * source: ONNX GlobalLpPool-1, 2 (p is an integer), 22 */
#include "ops/element.h"
#include "ops/lp.h"

struct params {
    double p;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return lp_read(node, "GlobalLpPool", &p->p, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "GlobalLpPool", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (!dtype_is_float(x->dtype))
        return op_no_kernel("GlobalLpPool", 0, x, err);
    if (x->rank < 2)
        return op_bad("GlobalLpPool", 0, x, "batch and channels", err);
    int64_t dims[TENSOR_RANK_MAX] = {x->dims[0], x->dims[1], 1, 1, 1, 1, 1, 1};
    return op_output(ctx, 0, "GlobalLpPool", x->dtype, x->rank, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    int64_t planes = tensor_count(ctx->out[0]), at = 0;
    int64_t size = planes ? tensor_count(x) / planes : 0;
    for (int64_t i = 0; i < planes; i++) {
        double sum = 0;
        for (int64_t k = 0; k < size; k++)
            sum += lp_part(p->p, tensor_get_f64(x, at++));
        element_set_f64(ctx->out[0], i, lp_norm(p->p, sum));
    }
    return OK;
}

const struct op op_global_lp_pool = {
    .domain = "",
    .name = "GlobalLpPool",
    .code = OP_CODE_global_lp_pool,
    .since = {1, 2, 22},
    .types = OP_FLOATS,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
