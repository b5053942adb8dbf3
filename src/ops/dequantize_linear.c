/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* DequantizeLinear: y = (x - zero point) * scale in the scale's dtype, for the whole tensor or for
 * each index of an axis.  source: ONNX DequantizeLinear-10, 13 (axis), 19 (16-bit scales) */
#include "ops/half.h"
#include "ops/quant.h"

static const char name[] = "DequantizeLinear";

struct params {
    int64_t axis;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return attr_int(&node->attrs, ATTR_axis, 1, &p->axis, err);
}

static dequantize_fn *pick(enum dtype t)
{
    switch (t) {
    case DT_U8:
        return dequantize_u8;
    case DT_I8:
        return dequantize_i8;
    case DT_I32:
        return dequantize_i32;
    default:
        return NULL;
    }
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, name, 2, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *scale = ctx->in[1];
    int64_t many = 1;
    int axis = 0;
    if (!pick(x->dtype))
        return op_no_kernel(name, 0, x, err);
    if (scale->dtype != DT_F32 && !dtype_is_half(scale->dtype))
        return op_no_kernel(name, 1, scale, err);
    if (tensor_count(scale) != 1) {
        s = op_axis(name, p->axis, x->rank, false, &axis, err);
        many = s == OK ? x->dims[axis] : 1;
    }
    if (s == OK)
        s = quant_count(ctx, name, 1, scale->dtype, many, err);
    if (s == OK && tensor_count(scale) != 1 && ctx->n_in > 2 && ctx->in[2] &&
        tensor_count(ctx->in[2]) != many)
        s = op_bad(name, 2, ctx->in[2], "as many elements as the scale", err);
    if (s == OK)
        s = quant_count(ctx, name, 2, x->dtype, many, err);
    return s == OK ? op_output(ctx, 0, name, scale->dtype, x->rank, x->dims, err) : s;
}

/* n elements from `at` on, whose scales and zero points begin at `first` and go on in `step`s. */
static void piece(const struct op_run *ctx, int64_t at, int64_t n, int64_t first, int64_t step)
{
    const struct tensor *x = ctx->in[0], *scale = ctx->in[1], *y = ctx->out[0];
    const struct tensor *zero = quant_operand(ctx->n_in, ctx->in, 2);
    size_t width = dtype_bytes(x->dtype);
    const uint8_t *from = (const uint8_t *)x->data + (size_t)at * width;
    const uint8_t *z = zero ? (const uint8_t *)zero->data + (size_t)first * width : NULL;
    if (y->dtype == DT_F32) {
        pick(x->dtype)(n, from, z, (const float *)scale->data + first, step, (float *)y->data + at);
        return;
    }
    float scales[HALF_BLOCK], block[HALF_BLOCK];
    for (int64_t i = 0; i < n; i += HALF_BLOCK) {
        int64_t m = MIN(HALF_BLOCK, n - i);
        half_load(y->dtype, step ? m : 1, (const uint16_t *)scale->data + first + i * step, scales);
        pick(x->dtype)(m, from + (size_t)i * width, z ? z + (size_t)(i * step) * width : NULL,
                       scales, step, block);
        half_store(y->dtype, m, block, (uint16_t *)y->data + at + i);
    }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    int64_t count = tensor_count(x), many = tensor_count(ctx->in[1]);
    int axis = 0;
    enum status s = many == 1 ? OK : op_axis(name, p->axis, x->rank, false, &axis, err);
    if (s != OK || count == 0)
        return s;
    if (many == 1) {
        piece(ctx, 0, count, 0, 0);
        return OK;
    }
    int64_t size = op_span(x->dims, axis + 1, x->rank);
    if (size == 1) /* the last axis: a scale for each element of a row */
        for (int64_t i = 0; i < count / many; i++)
            piece(ctx, i * many, many, 0, 1);
    else
        for (int64_t i = 0; i < count / size; i++)
            piece(ctx, i * size, size, i % many, 0);
    return OK;
}

const struct op op_dequantize_linear = {
    .domain = "",
    .name = "DequantizeLinear",
    .code = OP_CODE_dequantize_linear,
    .since = {10, 13, 19},
    .types = OP_T(I8) | OP_T(I32) | OP_T(U8),
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
