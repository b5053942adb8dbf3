/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Normalisation over groups of channels of each batch element. float32 runs on its kernels, the
 * other floats an element at a time in double.
 * source: ONNX InstanceNormalization-6, GroupNormalization-21 */
#include "ops/group_common.h"

#include <math.h>

#include "kernels/elementwise.h"
#include "kernels/moments.h"
#include "ops/element.h"

static int64_t group_count(const struct group_params *p, const struct tensor *x)
{
    return p->groups ? p->groups : x->dims[1];
}

enum status group_infer(struct op_infer *ctx, const char *op, struct err *err)
{
    const struct group_params *p = ctx->params;
    enum status s = op_operands(ctx, op, 3, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (!dtype_is_float(x->dtype))
        return op_no_kernel(op, 0, x, err);
    if (x->rank < 2)
        return op_bad(op, 0, x, "batch and channels", err);
    int64_t groups = group_count(p, x);
    if (groups && x->dims[1] % groups != 0)
        return op_bad(op, 0, x, "a multiple of num_groups channels", err);
    for (int i = 1; i < 3 && s == OK; i++) {
        s = op_same_dtype(ctx, op, i, err);
        if (s == OK && (ctx->in[i]->rank != 1 ||
                        ctx->in[i]->dims[0] != (p->scale_by_group ? groups : x->dims[1])))
            s = op_bad(op, i, ctx->in[i],
                       p->scale_by_group ? "one element per group" : "one element per channel",
                       err);
    }
    return s == OK ? op_output(ctx, 0, op, x->dtype, x->rank, x->dims, err) : s;
}

/* One group: `channels` channels of `size` elements from element `at` on; `first` is its first
 * channel within the batch element, `group` its number. */
struct one_group {
    int64_t at, channels, size, first, group;
};

static void group_f32(const struct op_run *ctx, const struct one_group *g)
{
    const struct group_params *p = ctx->params;
    const float *x = (const float *)ctx->in[0]->data + g->at;
    const float *scale = ctx->in[1]->data, *bias = ctx->in[2]->data;
    float *y = (float *)ctx->out[0]->data + g->at;
    struct moments m = moments_f32(g->channels * g->size, x);
    float factor = 1 / sqrtf(m.variance + p->epsilon);
    for (int64_t c = 0; c < g->channels; c++) {
        int64_t k = p->scale_by_group ? g->group : g->first + c;
        float f = factor * scale[k];
        affine_f32(g->size, x + c * g->size, y + c * g->size, 1, -m.mean);
        affine_f32(g->size, y + c * g->size, y + c * g->size, f, bias[k]);
    }
}

static void group_any(const struct op_run *ctx, const struct one_group *g)
{
    const struct group_params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    int64_t n = g->channels * g->size;
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < n; i++)
        mean += tensor_get_f64(x, g->at + i) / (double)n;
    for (int64_t i = 0; i < n; i++) {
        double d = tensor_get_f64(x, g->at + i) - mean;
        variance += d * d / (double)n;
    }
    double factor = 1 / sqrt(variance + (double)p->epsilon);
    for (int64_t i = 0; i < n; i++) {
        int64_t k = p->scale_by_group ? g->group : g->first + i / g->size;
        double v = (tensor_get_f64(x, g->at + i) - mean) * factor;
        element_set_f64(ctx->out[0], g->at + i,
                        v * tensor_get_f64(ctx->in[1], k) + tensor_get_f64(ctx->in[2], k));
    }
}

enum status group_run(const struct op_run *ctx)
{
    const struct group_params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    if (tensor_count(x) == 0)
        return OK;
    int64_t groups = group_count(p, x);
    struct one_group g = {.channels = x->dims[1] / groups, .size = op_span(x->dims, 2, x->rank)};
    for (int64_t i = 0; i < x->dims[0] * groups; i++) {
        g.at = i * g.channels * g.size;
        g.group = i % groups;
        g.first = g.group * g.channels;
        if (x->dtype == DT_F32)
            group_f32(ctx, &g);
        else
            group_any(ctx, &g);
    }
    return OK;
}
