/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* GlobalAveragePool: the mean over all spatial dims; of nothing: 0.
 * source: ONNX GlobalAveragePool-1 */
#include "kernels/reduce.h"
#include "ops/element.h"
#include "ops/pool_common.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return pool_infer_global(ctx, "GlobalAveragePool", err);
}

/* The other floats, an element at a time in double. */
static void run_any(const struct tensor *x, const struct tensor *y, int64_t planes, int64_t size)
{
    for (int64_t i = 0; i < planes; i++) {
        double sum = 0;
        for (int64_t k = 0; k < size; k++)
            sum += tensor_get_f64(x, i * size + k);
        element_set_f64(y, i, size ? sum / (double)size : 0);
    }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct tensor *x = ctx->in[0];
    int64_t planes = tensor_count(ctx->out[0]), size = planes ? tensor_count(x) / planes : 0;
    float *y = ctx->out[0]->data;
    if (x->dtype != DT_F32) {
        run_any(x, ctx->out[0], planes, size);
        return OK;
    }
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
    .types = OP_FLOATS,
    .items = OP_ITEMS(0),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
