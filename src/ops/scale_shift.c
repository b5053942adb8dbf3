/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.ScaleShift(X, scale, shift): act(X * scale + shift), one factor and one shift per channel:
 * a BatchNormalization that no product can take in, with the activation after it. X is [N][C][...].
 * Attributes: activation, act_low, act_high.  source: ours */
#include "kernels/elementwise.h"
#include "ops/ops_priv.h"

static const char name[] = "ScaleShift";

struct params {
    struct epilogue epilogue;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return op_activation(node, &p->epilogue, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, name, 3, err);
    for (int i = 0; i < 3 && s == OK; i++)
        s = op_only(ctx, name, i, DT_F32, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (x->rank < 2)
        return op_bad(name, 0, x, "batch and channels", err);
    for (int i = 1; i < 3; i++)
        if (ctx->in[i]->rank != 1 || ctx->in[i]->dims[0] != x->dims[1])
            return op_bad(name, i, ctx->in[i], "one element per channel", err);
    return op_output(ctx, 0, name, DT_F32, x->rank, x->dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    if (tensor_count(x) == 0)
        return OK;
    const float *scale = ctx->in[1]->data, *shift = ctx->in[2]->data, *in = x->data;
    float *y = ctx->out[0]->data;
    int64_t channels = x->dims[1], size = op_span(x->dims, 2, x->rank);
    int64_t planes = tensor_count(x) / size;
    for (int64_t i = 0; i < planes; i++) {
        int64_t c = i % channels;
        affine_f32(size, in + i * size, y + i * size, scale[c], shift[c]);
        epilogue_f32(&p->epilogue, y + i * size, 0, NULL, size);
    }
    return OK;
}

const struct op op_scale_shift = {
    .domain = "roost",
    .name = "ScaleShift",
    .code = OP_CODE_scale_shift,
    .since = {1},
    .types = OP_T(F32),
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
