/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* GlobalMaxPool: the largest over all spatial dims; of nothing: -infinity.
 * source: ONNX GlobalMaxPool-1 */
#include <math.h>

#include "kernels/reduce.h"
#include "ops/element.h"
#include "ops/pool_common.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return pool_infer_global(ctx, "GlobalMaxPool", err);
}

/* The other floats, an element at a time; a NaN stays. */
static void run_any(const struct tensor *x, const struct tensor *y, int64_t planes, int64_t size)
{
    for (int64_t i = 0; i < planes; i++) {
        double most = -INFINITY;
        for (int64_t k = 0; k < size; k++) {
            double v = tensor_get_f64(x, i * size + k);
            most = v > most || isnan(v) ? v : most;
        }
        element_set_f64(y, i, most);
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
    reduce_begin(reduce_max_f32, planes, y);
    for (int64_t i = 0; i < planes; i++)
        reduce_max_f32(size, (const float *)x->data + i * size, &y[i], 0);
    return OK;
}

const struct op op_global_max_pool = {
    .domain = "",
    .name = "GlobalMaxPool",
    .code = OP_CODE_global_max_pool,
    .since = {1},
    .types = OP_FLOATS,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
