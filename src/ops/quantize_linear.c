/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* QuantizeLinear: y = saturate(round(x / scale) + zero point), halves to even, for the whole tensor
 * or for each index of an axis. 16-bit floats and int32 are brought to float32 first.
 * source: ONNX QuantizeLinear-10, 13 (axis), 19 (16-bit floats; its float8 is refused) */
#include "ops/half.h"
#include "ops/quant.h"

static const char name[] = "QuantizeLinear";

struct params {
    int64_t axis;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    bool saturate; /* is about float8 only */
    enum status s = attr_int(&node->attrs, ATTR_axis, 1, &p->axis, err);
    return s == OK ? op_flag(node, ATTR_saturate, 1, &saturate, err) : s;
}

static enum status check_dtypes(const struct op_infer *ctx, struct err *err)
{
    const struct tensor *x = ctx->in[0], *zero = quant_operand(ctx->n_in, ctx->in, 2);
    if (x->dtype != DT_F32 && x->dtype != DT_I32 && !dtype_is_half(x->dtype))
        return op_no_kernel(name, 0, x, err);
    return zero ? quant_byte(ctx, name, 2, err) : OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, name, 2, err);
    if (s == OK)
        s = check_dtypes(ctx, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *zero = quant_operand(ctx->n_in, ctx->in, 2);
    int64_t many = 1;
    int axis = 0;
    if (tensor_count(ctx->in[1]) != 1) {
        s = op_axis(name, p->axis, x->rank, false, &axis, err);
        many = s == OK ? x->dims[axis] : 1;
    }
    if (s == OK)
        s = quant_count(ctx, name, 1, x->dtype == DT_I32 ? DT_F32 : x->dtype, many, err);
    if (s == OK && zero)
        s = quant_count(ctx, name, 2, zero->dtype, tensor_count(ctx->in[1]), err);
    return s == OK ? op_output(ctx, 0, name, zero ? zero->dtype : DT_U8, x->rank, x->dims, err) : s;
}

/* Elements [at, at + n) as floats; block has room for HALF_BLOCK. */
static const float *as_floats(const struct tensor *x, int64_t at, int64_t n, float *block)
{
    if (x->dtype == DT_F32)
        return (const float *)x->data + at;
    if (x->dtype == DT_I32) {
        for (int64_t i = 0; i < n; i++)
            block[i] = (float)((const int32_t *)x->data)[at + i];
    } else {
        half_load(x->dtype, n, (const uint16_t *)x->data + at, block);
    }
    return block;
}

static void row(const struct to_bytes *q, const struct tensor *x, int64_t at, int64_t n, uint8_t *y)
{
    float block[HALF_BLOCK];
    int64_t step = x->dtype == DT_F32 ? n : HALF_BLOCK;
    for (int64_t i = 0; i < n; i += step) {
        int64_t m = MIN(step, n - i);
        quantize_f32(q, m, as_floats(x, at + i, m, block), y + at + i);
    }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *scale = ctx->in[1];
    const struct tensor *zero = quant_operand(ctx->n_in, ctx->in, 2);
    int64_t count = tensor_count(x), many = tensor_count(scale), size = count;
    int axis = 0;
    enum status s = many == 1 ? OK : op_axis(name, p->axis, x->rank, false, &axis, err);
    if (s != OK || count == 0)
        return s;
    if (many != 1)
        size = op_span(x->dims, axis + 1, x->rank);
    struct to_bytes q = {.is_signed = ctx->out[0]->dtype == DT_I8};
    for (int64_t i = 0; i < count / size; i++) {
        q.scale = quant_scale(scale, i % many);
        q.zero = quant_zero(zero, i % many);
        row(&q, x, i * size, size, ctx->out[0]->data);
    }
    return OK;
}

const struct op op_quantize_linear = {
    .domain = "",
    .name = "QuantizeLinear",
    .code = OP_CODE_quantize_linear,
    .since = {10, 13, 19},
    .types = OP_T(I8) | OP_T(U8),
    .items = OP_ITEMS(0),
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
