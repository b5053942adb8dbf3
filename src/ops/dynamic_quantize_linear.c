/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* DynamicQuantizeLinear: float32 to uint8 with the scale and zero point that its own range asks
 * for; the range always holds 0. A tensor of zeros has scale 1, where the formula would divide by
 * 0 (ONNX Runtime does so too).  source: ONNX DynamicQuantizeLinear-11 */
#include <math.h>

#include "ops/ops_priv.h"
#include "ops/quant.h"

static const char name[] = "DynamicQuantizeLinear";

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, name, 1, err);
    if (s == OK)
        s = op_only(ctx, name, 0, DT_F32, err);
    if (s == OK)
        s = op_output(ctx, 0, name, DT_U8, ctx->in[0]->rank, ctx->in[0]->dims, err);
    if (s == OK)
        s = op_output(ctx, 1, name, DT_F32, 0, NULL, err);
    return s == OK ? op_output(ctx, 2, name, DT_U8, 0, NULL, err) : s;
}

/* A NaN is no bound. */
static void range_of(const float *x, int64_t n, float *low, float *high)
{
    float least = 0, most = 0;
    for (int64_t i = 0; i < n; i++) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    *low = least;
    *high = most;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const float *x = ctx->in[0]->data;
    int64_t n = tensor_count(ctx->in[0]);
    float low, high;
    range_of(x, n, &low, &high);
    struct to_bytes q = {.scale = low == high ? 1 : (high - low) / 255};
    float zero = rintf(-low / q.scale);
    q.zero = zero >= 255 ? 255 : zero > 0 ? (int32_t)zero : 0;
    quantize_f32(&q, n, x, ctx->out[0]->data);
    if (ctx->out[1])
        *(float *)ctx->out[1]->data = q.scale;
    if (ctx->out[2])
        *(uint8_t *)ctx->out[2]->data = (uint8_t)q.zero;
    return OK;
}

const struct op op_dynamic_quantize_linear = {
    .domain = "",
    .name = "DynamicQuantizeLinear",
    .code = OP_CODE_dynamic_quantize_linear,
    .since = {11},
    .types = OP_T(F32),
    .in_min = 1,
    .in_max = 1,
    .out_min = 3,
    .out_max = 3,
    .infer = infer,
    .run = run,
};
