/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* QLinearConv: a convolution of bytes, brought to the output's scale: (sums + bias) become float32
 * and meet x_scale * w_scale / y_scale, as ONNX Runtime does it; the sum is rounded before the zero
 * point is added. Weights may have a scale and zero point for each output channel.
 * source: ONNX QLinearConv-10 */
#include "base/checked.h"
#include "ops/quant_conv.h"

enum { X, X_SCALE, X_ZERO, W, W_SCALE, W_ZERO, Y_SCALE, Y_ZERO, BIAS };

static const struct int_conv operands = {"QLinearConv", .x = X, .w = W, .x_zero = X_ZERO,
                                         .w_zero = W_ZERO};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return conv_prepare(node, operands.op, params, err);
}

static enum status check_rest(const struct op_infer *ctx, int64_t channels, struct err *err)
{
    static const int scales[] = {X_SCALE, Y_SCALE};
    const char *op = operands.op;
    enum status s = quant_byte(ctx, op, Y_ZERO, err);
    if (s == OK)
        s = quant_count(ctx, op, Y_ZERO, ctx->in[Y_ZERO]->dtype, 1, err);
    for (size_t i = 0; i < ARRAY_COUNT(scales) && s == OK; i++)
        s = quant_count(ctx, op, scales[i], DT_F32, 1, err);
    if (s == OK)
        s = quant_count(ctx, op, W_SCALE, DT_F32, channels, err);
    const struct tensor *bias = quant_operand(ctx->n_in, ctx->in, BIAS);
    if (s == OK && bias && (bias->dtype != DT_I32 || bias->rank != 1 || bias->dims[0] != channels))
        s = op_bad(op, BIAS, bias, "int32, one element per output channel", err);
    return s;
}

/* Bytes of one group's int32 sums, before the scratch of the convolution. */
static bool sums_bytes(const struct conv *c, uint64_t *bytes)
{
    *bytes = (uint64_t)(c->out_c / c->groups);
    for (int d = 0; d < SPATIAL_MAX; d++)
        if (!checked_mul(*bytes, (uint64_t)c->out[d], bytes))
            return false;
    return checked_mul(*bytes, sizeof(int32_t), bytes) && checked_align(*bytes, 64, bytes);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    struct conv_i8 c = {.y = NULL};
    int64_t dims[TENSOR_RANK_MAX];
    uint64_t sums;
    enum status s = op_operands(ctx, operands.op, BIAS, err);
    if (s == OK)
        s = int_conv_infer(ctx, &operands, &c, dims, err);
    if (s == OK)
        s = check_rest(ctx, c.sizes.out_c, err);
    if (s != OK)
        return s;
    if (!sums_bytes(&c.sizes, &sums) ||
        !checked_add(sums, ctx->scratch_bytes, &ctx->scratch_bytes) ||
        ctx->scratch_bytes > INT64_MAX)
        return err_set(err, E_UNSUPPORTED, "%s: the sums have no size", operands.op);
    return op_output(ctx, 0, operands.op, ctx->in[Y_ZERO]->dtype, ctx->in[X]->rank, dims, err);
}

/* The sums of output channels [first, first + n) become bytes. */
static void finish(const struct op_run *ctx, const int32_t *sums, int64_t first, int64_t n,
                   uint8_t *y)
{
    const struct tensor *bias = quant_operand(ctx->n_in, ctx->in, BIAS), *out = ctx->out[0];
    struct to_bytes q = {.zero = quant_zero(ctx->in[Y_ZERO], 0), .is_signed = out->dtype == DT_I8};
    int64_t size = op_span(out->dims, 2, out->rank);
    float x = quant_scale(ctx->in[X_SCALE], 0), ys = quant_scale(ctx->in[Y_SCALE], 0);
    for (int64_t o = 0; o < n; o++) {
        q.scale = x * quant_scale(ctx->in[W_SCALE], first + o) / ys;
        int32_t b = bias ? ((const int32_t *)bias->data)[first + o] : 0;
        requantize_i32(&q, size, sums + o * size, b, y + o * size);
    }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    struct conv_i8 c;
    uint64_t sums;
    enum status s = int_conv_begin(ctx, &operands, &c, err);
    int64_t count = tensor_count(ctx->out[0]), parts = c.sizes.batch * c.sizes.groups;
    if (s != OK || count == 0 || !sums_bytes(&c.sizes, &sums))
        return s;
    int64_t channels = c.sizes.out_c / c.sizes.groups;
    c.y = ctx->scratch;
    c.scratch = (uint8_t *)ctx->scratch + sums;
    for (int64_t i = 0; i < parts; i++) {
        int64_t group = i % c.sizes.groups;
        int_conv_at(ctx, &operands, (const int64_t[]){i / c.sizes.groups, group}, &c);
        conv_i8(&c);
        finish(ctx, c.y, group * channels, channels,
               (uint8_t *)ctx->out[0]->data + count / parts * i);
    }
    return OK;
}

const struct op op_qlinear_conv = {
    .domain = "",
    .name = "QLinearConv",
    .code = OP_CODE_qlinear_conv,
    .since = {10},
    .types = OP_T(I8) | OP_T(U8),
    .in_min = BIAS,
    .in_max = BIAS + 1,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct conv_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
