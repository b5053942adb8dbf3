/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Clip: into [min, max]; a bound that is left out does not bind; a NaN stays one.
 * source: ONNX Clip-6 (attributes), Clip-11 and 13 (operands) */
#include <float.h>
#include <math.h>

#include "ops/element.h"
#include "ops/unary.h"

struct params {
    bool by_attr;
    float low, high;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    p->by_attr = node->version < 11;
    if (!p->by_attr)
        return OK;
    if (node->n_in > 1)
        return err_set(err, E_CORRUPT, "Clip: %d inputs before opset 11, expected 1", node->n_in);
    enum status s = attr_float(&node->attrs, ATTR_min, -FLT_MAX, &p->low, err);
    return s == OK ? attr_float(&node->attrs, ATTR_max, FLT_MAX, &p->high, err) : s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "Clip", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (!dtype_is_float(x->dtype) && !dtype_is_int(x->dtype))
        return op_no_kernel("Clip", 0, x, err);
    for (int i = 1; i < ctx->n_in && s == OK; i++) {
        const struct tensor *b = op_operand(ctx->in, ctx->n_in, i);
        s = op_same_dtype(ctx, "Clip", i, err);
        if (s == OK && b && tensor_count(b) != 1)
            s = op_bad("Clip", i, b, "one element", err);
    }
    return s == OK ? op_output(ctx, 0, "Clip", x->dtype, x->rank, x->dims, err) : s;
}

static void clip_ints(const struct tensor *x, const struct tensor *low, const struct tensor *high,
                      const struct tensor *y)
{
    int64_t min = low ? tensor_get_i64(low, 0) : INT64_MIN;
    int64_t max = high ? tensor_get_i64(high, 0) : INT64_MAX;
    for (int64_t i = 0; i < tensor_count(x); i++) {
        int64_t v = MAX(tensor_get_i64(x, i), min);
        element_set_i64(y, i, MIN(v, max));
    }
}

/* What exceeds int64. */
static void clip_u64(const struct tensor *x, const struct tensor *low, const struct tensor *high,
                     const struct tensor *y)
{
    uint64_t min = low ? *(const uint64_t *)low->data : 0;
    uint64_t max = high ? *(const uint64_t *)high->data : UINT64_MAX;
    const uint64_t *in = x->data;
    uint64_t *out = y->data;
    for (int64_t i = 0; i < tensor_count(x); i++) {
        uint64_t v = MAX(in[i], min);
        out[i] = MIN(v, max);
    }
}

/* float64 and the 16-bit floats; the attributes of old forms are numbers of float32. */
static void clip_floats(const struct params *p, const struct op_run *ctx)
{
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    const struct tensor *low = op_operand(ctx->in, ctx->n_in, 1),
                        *high = op_operand(ctx->in, ctx->n_in, 2);
    double min = low ? tensor_get_f64(low, 0) : -INFINITY;
    double max = high ? tensor_get_f64(high, 0) : INFINITY;
    if (p->by_attr) {
        min = (double)p->low;
        max = (double)p->high;
    }
    for (int64_t i = 0; i < tensor_count(x); i++) {
        double v = tensor_get_f64(x, i);
        v = v < min ? min : v;
        element_set_f64(y, i, v > max ? max : v);
    }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    const struct tensor *low = op_operand(ctx->in, ctx->n_in, 1),
                        *high = op_operand(ctx->in, ctx->n_in, 2);
    if (x->dtype == DT_U64)
        clip_u64(x, low, high, y);
    else if (dtype_is_int(x->dtype))
        clip_ints(x, low, high, y);
    else if (x->dtype != DT_F32)
        clip_floats(p, ctx);
    if (x->dtype != DT_F32)
        return OK;
    float min = p->by_attr ? p->low : low ? *(const float *)low->data : -FLT_MAX;
    float max = p->by_attr ? p->high : high ? *(const float *)high->data : FLT_MAX;
    clip_f32(tensor_count(x), x->data, y->data, min, max);
    return OK;
}

const struct op op_clip = {
    .domain = "",
    .name = "Clip",
    .code = OP_CODE_clip,
    .since = {1, 6, 11, 12, 13},
    .types = OP_NUMBERS,
    .items = OP_ITEMS(0),
    .in_min = 1,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
