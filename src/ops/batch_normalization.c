/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* BatchNormalization: one factor and one shift per channel, from the given statistics or, in
 * training, from the batch's own. float32 with given statistics runs on its kernel, everything else
 * an element at a time in double.
 *
 * What training is: from version 14 on training_mode; in 7 and 9 more outputs than Y that somebody
 * reads (the compiler leaves out the others: exporters name them though the model does not train);
 * before 7 is_test = 0, which we believe with one output only where it is written.
 * The variance is that of the population. Without `spatial` every place of an image is a channel.
 * source: ONNX BatchNormalization-1, 6 (is_test, spatial), 7, 9, 14 (training_mode), 15 */
#include <math.h>

#include "kernels/elementwise.h"
#include "ops/element.h"
#include "ops/ops_priv.h"

static const char name[] = "BatchNormalization";

enum { X, SCALE, SHIFT, MEAN, VAR, OPERANDS };

struct params {
    float epsilon, momentum;
    bool by_place; /* spatial = 0 */
    bool train;
    int32_t version;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    int64_t spatial, test;
    bool train;
    enum status s = attr_float(&node->attrs, ATTR_epsilon, 1e-5f, &p->epsilon, err);
    if (s == OK)
        s = attr_float(&node->attrs, ATTR_momentum, 0.9f, &p->momentum, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_spatial, 1, &spatial, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_is_test, node->n_out == 1, &test, err);
    if (s == OK)
        s = op_flag(node, ATTR_training_mode, 0, &train, err);
    if (s != OK)
        return s;
    p->version = node->version;
    p->by_place = spatial == 0;
    p->train = node->version >= 14 ? train : node->version >= 7 ? node->n_out > 1 : test == 0;
    return OK;
}

/* Channels of x, and the elements of one in one batch element. */
static int64_t channels_of(const struct params *p, const struct tensor *x, int64_t *size)
{
    *size = p->by_place ? 1 : op_span(x->dims, 2, x->rank);
    if (x->rank < 2)
        return 1;
    return p->by_place ? op_span(x->dims, 1, x->rank) : x->dims[1];
}

/* From 14 on the statistics, from 15 on scale and shift too, may be of another float. */
static enum status check_operand(const struct op_infer *ctx, int i, int64_t channels,
                                 struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *t = ctx->in[i];
    bool free = p->version >= 15 || (p->version == 14 && i >= MEAN);
    if (!dtype_is_float(t->dtype))
        return op_no_kernel(name, i, t, err);
    if (!free && t->dtype != ctx->in[X]->dtype)
        return op_bad(name, i, t, dtype_text(ctx->in[X]->dtype), err);
    if (tensor_count(t) != channels || (t->rank != 1 && !p->by_place))
        return op_bad(name, i, t, "one element per channel", err);
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, name, OPERANDS, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[X];
    int64_t size, channels = channels_of(p, x, &size);
    if (!dtype_is_float(x->dtype))
        return op_no_kernel(name, X, x, err);
    if (x->rank < 1)
        return op_bad(name, X, x, "batch and channels", err);
    for (int i = SCALE; i < OPERANDS && s == OK; i++)
        s = check_operand(ctx, i, channels, err);
    if (s == OK)
        s = op_output(ctx, 0, name, x->dtype, x->rank, x->dims, err);
    for (int i = 1; i < ctx->n_out && s == OK; i++) {
        const struct tensor *like = ctx->in[i % 2 ? MEAN : VAR];
        if (ctx->out[i] && !p->train)
            return err_set(err, E_BAD_INPUT, "%s: output %d is of training only", name, i);
        s = op_output(ctx, i, name, like->dtype, like->rank, like->dims, err);
    }
    return s;
}

/* Elements of one channel: `batch` runs of `size`, `step` apart, from `first` on. */
struct channel {
    int64_t index, first, batch, size, step;
};

static void batch_moments(const struct tensor *x, const struct channel *c, double *mean,
                          double *var)
{
    double n = (double)c->batch * (double)c->size, sum = 0, squares = 0;
    for (int64_t b = 0; b < c->batch; b++)
        for (int64_t i = 0; i < c->size; i++)
            sum += tensor_get_f64(x, c->first + b * c->step + i);
    *mean = sum / n;
    for (int64_t b = 0; b < c->batch; b++)
        for (int64_t i = 0; i < c->size; i++) {
            double d = tensor_get_f64(x, c->first + b * c->step + i) - *mean;
            squares += d * d;
        }
    *var = squares / n;
}

static void store(const struct op_run *ctx, int i, int64_t at, double v)
{
    if (i < ctx->n_out && ctx->out[i])
        element_set_f64(ctx->out[i], at, v);
}

static void any_channel(const struct op_run *ctx, const struct channel *c)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[X];
    double mean = tensor_get_f64(ctx->in[MEAN], c->index), old_mean = mean;
    double var = tensor_get_f64(ctx->in[VAR], c->index), old_var = var, keep = (double)p->momentum;
    if (p->train)
        batch_moments(x, c, &mean, &var);
    double scale = tensor_get_f64(ctx->in[SCALE], c->index) / sqrt(var + (double)p->epsilon);
    double shift = tensor_get_f64(ctx->in[SHIFT], c->index);
    for (int64_t b = 0; b < c->batch; b++)
        for (int64_t i = 0; i < c->size; i++) {
            int64_t at = c->first + b * c->step + i;
            element_set_f64(ctx->out[0], at, (tensor_get_f64(x, at) - mean) * scale + shift);
        }
    store(ctx, 1, c->index, old_mean * keep + mean * (1 - keep));
    store(ctx, 2, c->index, old_var * keep + var * (1 - keep));
    store(ctx, 3, c->index, mean);
    store(ctx, 4, c->index, var);
}

static void channel_f32(const struct op_run *ctx, const struct channel *c)
{
    const struct params *p = ctx->params;
    const float *gamma = ctx->in[SCALE]->data, *beta = ctx->in[SHIFT]->data;
    const float *mean = ctx->in[MEAN]->data, *var = ctx->in[VAR]->data, *x = ctx->in[X]->data;
    float *y = ctx->out[0]->data, scale = gamma[c->index] / sqrtf(var[c->index] + p->epsilon);
    float shift = beta[c->index] - mean[c->index] * scale;
    for (int64_t b = 0; b < c->batch; b++) {
        int64_t at = c->first + b * c->step;
        affine_f32(c->size, x + at, y + at, scale, shift);
    }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[X];
    struct channel c = {.batch = tensor_count(x) ? x->dims[0] : 0};
    int64_t channels = channels_of(p, x, &c.size);
    bool plain = !p->train;
    for (int i = 0; i < OPERANDS; i++)
        plain &= ctx->in[i]->dtype == DT_F32;
    c.step = channels * c.size;
    for (c.index = 0; c.index < channels; c.index++) {
        c.first = c.index * c.size;
        if (plain)
            channel_f32(ctx, &c);
        else
            any_channel(ctx, &c);
    }
    return OK;
}

const struct op op_batch_normalization = {
    .domain = "",
    .name = "BatchNormalization",
    .code = OP_CODE_batch_normalization,
    .since = {1, 6, 7, 9, 14, 15},
    .types = OP_FLOATS,
    .in_min = 5,
    .in_max = 5,
    .out_min = 1,
    .out_max = 5,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
