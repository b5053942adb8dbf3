/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LayerNormalization: every slice from the axis on is brought to mean 0 and variance 1, then scaled
 * and shifted element by element. Scale and bias have the slice's shape. float32 runs on its
 * kernels, the other floats an element at a time in double.
 * source: ONNX LayerNormalization-17 */
#include <math.h>

#include "kernels/moments.h"
#include "ops/element.h"
#include "ops/ops_priv.h"

static const char name[] = "LayerNormalization";

struct params {
    int64_t axis;
    float epsilon;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    int64_t stash;
    enum status s = attr_int(&node->attrs, ATTR_axis, -1, &p->axis, err);
    if (s == OK)
        s = attr_float(&node->attrs, ATTR_epsilon, 1e-5f, &p->epsilon, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_stash_type, DT_F32, &stash, err);
    if (s == OK && stash != DT_F32)
        return err_set(err, E_UNSUPPORTED, "%s: stash_type other than float32 is not supported",
                       name);
    return s;
}

/* Scale or bias: the slice's dims, but for leading ones. */
static enum status slice_like(const struct op_infer *ctx, int i, int axis, struct err *err)
{
    const struct tensor *x = ctx->in[0], *t = i < ctx->n_in ? ctx->in[i] : NULL;
    if (!t)
        return OK;
    enum status s = op_same_dtype(ctx, name, i, err);
    bool fits = t->rank <= x->rank - axis;
    for (int d = 0; d < t->rank && fits; d++)
        fits = t->dims[d] == x->dims[x->rank - t->rank + d];
    if (fits)
        fits = tensor_count(t) == op_span(x->dims, axis, x->rank);
    return s == OK && !fits ? op_bad(name, i, t, "the dims of input 0 from the axis on", err) : s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, name, 2, err);
    int axis = 0;
    if (s == OK && !dtype_is_float(ctx->in[0]->dtype))
        s = op_no_kernel(name, 0, ctx->in[0], err);
    if (s == OK)
        s = op_axis(name, p->axis, ctx->in[0]->rank, false, &axis, err);
    for (int i = 1; i < 3 && s == OK; i++)
        s = slice_like(ctx, i, axis, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    int64_t dims[TENSOR_RANK_MAX];
    for (int d = 0; d < x->rank; d++)
        dims[d] = d < axis ? x->dims[d] : 1;
    s = op_output(ctx, 0, name, x->dtype, x->rank, x->dims, err);
    for (int i = 1; i < 3 && s == OK; i++)
        s = op_output(ctx, i, name, DT_F32, x->rank, dims, err);
    return s;
}

static void store(const struct op_run *ctx, int i, int64_t row, float v)
{
    if (i < ctx->n_out && ctx->out[i])
        ((float *)ctx->out[i]->data)[row] = v;
}

static void row_f32(const struct op_run *ctx, int64_t row, int64_t n)
{
    const struct params *p = ctx->params;
    const float *x = (const float *)ctx->in[0]->data + row * n;
    struct moments m = moments_f32(n, x);
    struct normal_row r = {.n = n, .mean = m.mean, .factor = 1 / sqrtf(m.variance + p->epsilon)};
    r.x = x;
    r.scale = ctx->in[1]->data;
    r.bias = ctx->n_in > 2 && ctx->in[2] ? ctx->in[2]->data : NULL;
    r.y = (float *)ctx->out[0]->data + row * n;
    store(ctx, 1, row, r.mean);
    store(ctx, 2, row, r.factor);
    normal_row_f32(&r);
}

static void row_any(const struct op_run *ctx, int64_t row, int64_t n)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *bias = ctx->n_in > 2 ? ctx->in[2] : NULL;
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < n; i++)
        mean += tensor_get_f64(x, row * n + i) / (double)n;
    for (int64_t i = 0; i < n; i++) {
        double d = tensor_get_f64(x, row * n + i) - mean;
        variance += d * d / (double)n;
    }
    double factor = 1 / sqrt(variance + (double)p->epsilon);
    store(ctx, 1, row, (float)mean);
    store(ctx, 2, row, (float)factor);
    for (int64_t i = 0; i < n; i++) {
        double v = (tensor_get_f64(x, row * n + i) - mean) * factor;
        v = v * tensor_get_f64(ctx->in[1], i) + (bias ? tensor_get_f64(bias, i) : 0);
        element_set_f64(ctx->out[0], row * n + i, v);
    }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    int axis;
    enum status s = op_axis(name, p->axis, x->rank, false, &axis, err);
    if (s != OK)
        return s;
    int64_t rows = op_span(x->dims, 0, axis), n = op_span(x->dims, axis, x->rank);
    if (n == 0 && ctx->n_out < 2)
        return OK;
    for (int64_t row = 0; row < rows; row++) {
        if (x->dtype == DT_F32)
            row_f32(ctx, row, n);
        else
            row_any(ctx, row, n);
    }
    return OK;
}

const struct op op_layer_normalization = {
    .domain = "",
    .name = "LayerNormalization",
    .code = OP_CODE_layer_normalization,
    .since = {17},
    .types = OP_FLOATS,
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 3,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
