/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* MelWeightMatrix: overlapping triangles, evenly spaced on the mel scale, one a column, that turn a
 * spectrum into mel bins. As ONNX's reference computes it: edges rounded down to whole spectrum
 * bins. What lies beyond the spectrum is left out.  source: ONNX MelWeightMatrix-17 */
#include <math.h>
#include <string.h>

#include "ops/element.h"
#include "ops/window_function.h"

struct params {
    enum dtype dtype;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return window_function_dtype(node, "MelWeightMatrix", &p->dtype, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    int64_t v[3] = {0};
    enum status s = op_operands(ctx, "MelWeightMatrix", 5, err);
    for (int i = 0; i < 3 && s == OK; i++) {
        int n = 1;
        if (i < 2)
            s = op_known(ctx, i, err);
        if (s == OK && i < 2)
            s = op_values("MelWeightMatrix", i, ctx->in[i], &v[i], 1, &n, err);
        if (s == OK && (n != 1 || v[i] < 0 || tensor_count(ctx->in[i]) != 1))
            s = op_bad("MelWeightMatrix", i, ctx->in[i], "one count", err);
    }
    if (s != OK)
        return s;
    for (int i = 3; i < 5; i++)
        if (!dtype_is_float(ctx->in[i]->dtype) || tensor_count(ctx->in[i]) != 1)
            return op_bad("MelWeightMatrix", i, ctx->in[i], "one frequency", err);
    int64_t dims[] = {v[1] / 2 + 1, v[0]};
    return op_output(ctx, 0, "MelWeightMatrix", p->dtype, 2, dims, err);
}

struct scale {
    double low, step;            /* mel */
    double transform, sample_hz; /* dft_length + 1, sample rate */
};

/* The spectrum bin at which triangle edge number i stands. */
static int64_t edge(const struct scale *s, int64_t i)
{
    double hertz = 700 * (pow(10, ((double)i * s->step + s->low) / 2595) - 1);
    double bin = floor(s->transform * hertz / s->sample_hz);
    return bin >= 0 ? (int64_t)fmin(bin, 0x1p52) : 0;
}

/* Rising from left to center, falling from center to right. */
static void triangle(const struct tensor *y, int64_t column, const int64_t at[3])
{
    int64_t bins = y->dims[0], n = y->dims[1], left = at[0], center = at[1], right = at[2];
    if (center == left && center < bins)
        element_set_f64(y, center * n + column, 1);
    for (int64_t j = left; center > left && j <= MIN(center, bins - 1); j++)
        element_set_f64(y, j * n + column, (double)(j - left) / (double)(center - left));
    for (int64_t j = center; j < MIN(right, bins); j++)
        element_set_f64(y, j * n + column, (double)(right - j) / (double)(right - center));
}

static double mel(double hertz)
{
    return 2595 * log10(1 + hertz / 700);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct tensor *y = ctx->out[0];
    int64_t length = tensor_get_i64(ctx->in[1], 0), rate = tensor_get_i64(ctx->in[2], 0);
    double low = tensor_get_f64(ctx->in[3], 0), high = tensor_get_f64(ctx->in[4], 0);
    if (length / 2 + 1 != y->dims[0] || tensor_get_i64(ctx->in[0], 0) != y->dims[1])
        return err_set(err, E_BAD_INPUT,
                       "MelWeightMatrix: the counts are not those that were planned");
    if (rate < 1 || !(low >= 0) || !(high >= low) || isinf(high))
        return err_set(err, E_BAD_INPUT, "MelWeightMatrix: %g to %g hertz at %lld samples a second",
                       low, high, (long long)rate);
    memset(y->data, 0, (size_t)tensor_count(y) * dtype_bytes(y->dtype));
    struct scale s = {mel(low), (mel(high) - mel(low)) / (double)(y->dims[1] + 2),
                      (double)length + 1, (double)rate};
    for (int64_t i = 0; i < y->dims[1]; i++) {
        int64_t at[] = {edge(&s, i), edge(&s, i + 1), edge(&s, i + 2)};
        triangle(y, i, at);
    }
    return OK;
}

const struct op op_mel_weight_matrix = {
    .domain = "",
    .name = "MelWeightMatrix",
    .code = OP_CODE_mel_weight_matrix,
    .since = {17},
    .types = OP_T(I32) | OP_T(I64),
    .in_min = 5,
    .in_max = 5,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
