/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* BatchNormalization, for inference: one factor and one shift per channel.
 * source: ONNX BatchNormalization-6 (is_test), 7, 9, 15 (training_mode) */
#include <math.h>

#include "kernels/elementwise.h"
#include "ops/ops_priv.h"

struct params {
    float epsilon;
};

/* Statistics of the batch itself are training, whatever the version calls it. */
static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    int64_t spatial, test, train;
    enum status s = attr_float(&node->attrs, ATTR_epsilon, 1e-5f, &p->epsilon, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_spatial, 1, &spatial, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_is_test, node->n_out == 1, &test, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_training_mode, 0, &train, err);
    if (s != OK)
        return s;
    if (spatial != 1)
        return err_set(err, E_UNSUPPORTED, "BatchNormalization: spatial = 0 is not supported");
    if (train != 0 || (node->version < 7 && test == 0))
        return err_set(err, E_UNSUPPORTED, "BatchNormalization: training is not supported");
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "BatchNormalization", 5, err);
    for (int i = 0; i < 5 && s == OK; i++)
        s = op_only(ctx, "BatchNormalization", i, DT_F32, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    int64_t channels = x->rank > 1 ? x->dims[1] : 1;
    if (x->rank < 1)
        return op_bad("BatchNormalization", 0, x, "batch and channels", err);
    for (int i = 1; i < 5; i++)
        if (ctx->in[i]->rank != 1 || ctx->in[i]->dims[0] != channels)
            return op_bad("BatchNormalization", i, ctx->in[i], "one element per channel", err);
    for (int i = 1; i < ctx->n_out; i++)
        if (ctx->out[i])
            return err_set(err, E_UNSUPPORTED,
                           "BatchNormalization: output %d (training) is not supported", i);
    return op_output(ctx, 0, "BatchNormalization", DT_F32, x->rank, x->dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    if (tensor_count(x) == 0)
        return OK;
    const float *gamma = ctx->in[1]->data, *beta = ctx->in[2]->data, *mean = ctx->in[3]->data;
    const float *var = ctx->in[4]->data, *in = x->data;
    float *y = ctx->out[0]->data;
    int64_t channels = x->rank > 1 ? x->dims[1] : 1, size = op_span(x->dims, 2, x->rank);
    int64_t planes = tensor_count(x) / size;
    for (int64_t i = 0; i < planes; i++) {
        int64_t c = i % channels;
        float scale = gamma[c] / sqrtf(var[c] + p->epsilon);
        affine_f32(size, in + i * size, y + i * size, scale, beta[c] - mean[c] * scale);
    }
    return OK;
}

const struct op op_batch_normalization = {
    .domain = "",
    .name = "BatchNormalization",
    .code = OP_CODE_batch_normalization,
    .since = {1, 6, 7, 9, 14, 15},
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
