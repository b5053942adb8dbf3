/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* GlobalAveragePool: the mean over all spatial dims; of nothing: 0.
 * source: ONNX GlobalAveragePool-1 */
#include "kernels/reduce.h"
#include "ops/pool_common.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return pool_infer_global(ctx, "GlobalAveragePool", err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct tensor *x = ctx->in[0];
    int64_t planes = tensor_count(ctx->out[0]), size = planes ? tensor_count(x) / planes : 0;
    float *y = ctx->out[0]->data;
    for (int64_t i = 0; i < planes; i++) {
        y[i] = 0;
        reduce_sum_f32(size, (const float *)x->data + i * size, &y[i], 0);
        y[i] = size ? y[i] / (float)size : 0;
    }
    return OK;
}

const struct op op_global_average_pool = {
    .domain = "",
    .name = "GlobalAveragePool",
    .code = OP_CODE_global_average_pool,
    .since = {1},
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
