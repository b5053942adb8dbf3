/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* MeanVarianceNormalization: (x - mean) / (deviation + 1e-9) over axes, in double.
 * source: ONNX MeanVarianceNormalization-13 (its function body) */
#include <math.h>

#include "ops/axes.h"
#include "ops/broadcast.h"
#include "ops/element.h"

static const char name[] = "MeanVarianceNormalization";

struct params {
    struct axes axes;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = axes_prepare(node, name, true, &p->axes, err);
    if (s == OK && !attr_find(&node->attrs, ATTR_axes)) {
        p->axes.n = 3;
        p->axes.axes[0] = 0;
        p->axes.axes[1] = 2;
        p->axes.axes[2] = 3;
    }
    return s;
}

/* The shape of the means: x's, with 1 along the axes. */
static enum status kept(const struct params *p, const struct tensor *x, struct tensor *out,
                        struct err *err)
{
    unsigned mask = 0;
    bool given;
    enum status s = axes_mask(&p->axes, name, 1, &x, x->rank, &mask, &given, err);
    *out = *x;
    for (int d = 0; d < x->rank; d++)
        if (mask >> d & 1)
            out->dims[d] = 1;
    return s;
}

/* Scratch: the means, then the variances. */
static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, name, 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    struct tensor full;
    if (!dtype_is_float(x->dtype))
        return op_no_kernel(name, 0, x, err);
    s = kept(ctx->params, x, &full, err);
    if (s != OK)
        return s;
    if (__builtin_mul_overflow((uint64_t)tensor_count(&full), 2 * sizeof(double),
                               &ctx->scratch_bytes))
        return op_bad(name, 0, x, "fewer elements", err);
    return op_output(ctx, 0, name, x->dtype, x->rank, x->dims, err);
}

enum pass { PASS_MEAN, PASS_VARIANCE, PASS_WRITE };

static void walk(const struct op_run *ctx, const struct tensor *full, enum pass pass)
{
    const struct tensor *x = ctx->in[0], *operand[1] = {full};
    double *mean = ctx->scratch, *variance = mean + tensor_count(full);
    double taken = (double)(tensor_count(x) / tensor_count(full));
    struct broadcast w;
    int64_t at = 0;
    broadcast_begin(&w, x, operand, 1);
    int64_t n = broadcast_run_count(&w), step = broadcast_run_step(&w, 0);
    do {
        for (int64_t i = 0; i < n; i++, at++) {
            int64_t g = w.at[0] + i * step;
            double v = tensor_get_f64(x, at), d = v - mean[g];
            if (pass == PASS_MEAN)
                mean[g] += v / taken;
            else if (pass == PASS_VARIANCE)
                variance[g] += d * d / taken;
            else
                element_set_f64(ctx->out[0], at, d / (sqrt(variance[g]) + 1e-9));
        }
    } while (broadcast_next(&w));
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    struct tensor full;
    enum status s = kept(ctx->params, ctx->in[0], &full, err);
    if (s != OK || tensor_count(ctx->in[0]) == 0)
        return s;
    for (int64_t i = 0; i < 2 * tensor_count(&full); i++)
        ((double *)ctx->scratch)[i] = 0;
    walk(ctx, &full, PASS_MEAN);
    walk(ctx, &full, PASS_VARIANCE);
    walk(ctx, &full, PASS_WRITE);
    return OK;
}

const struct op op_mean_variance_normalization = {
    .domain = "",
    .name = "MeanVarianceNormalization",
    .code = OP_CODE_mean_variance_normalization,
    .since = {9, 13},
    .types = OP_FLOATS,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
