/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Convolution of bytes; see quant_conv.h.  source: ONNX ConvInteger-10, QLinearConv-10 */
#include "ops/quant_conv.h"

enum status int_conv_infer(struct op_infer *ctx, const struct int_conv *o, struct conv_i8 *c,
                           int64_t dims[TENSOR_RANK_MAX], struct err *err)
{
    const struct conv_params *p = ctx->params;
    const struct tensor *x = ctx->in[o->x], *w = ctx->in[o->w];
    enum status s = quant_byte(ctx, o->op, o->x, err);
    if (s == OK)
        s = quant_byte(ctx, o->op, o->w, err);
    if (s == OK)
        s = conv_weights(p, o->op, x, w, err);
    if (s == OK)
        s = quant_count(ctx, o->op, o->x_zero, x->dtype, 1, err);
    if (s == OK)
        s = quant_count(ctx, o->op, o->w_zero, w->dtype, w->dims[0], err);
    if (s == OK)
        s = conv_describe(p, o->op, x, w, &c->sizes, err);
    if (s != OK)
        return s;
    conv_dims(&c->sizes, x->rank, dims);
    if (!conv_i8_scratch(c, &ctx->scratch_bytes))
        return err_set(err, E_UNSUPPORTED, "%s: the unrolled input has no size", o->op);
    return OK;
}

enum status int_conv_begin(const struct op_run *ctx, const struct int_conv *o, struct conv_i8 *c,
                           struct err *err)
{
    *c = (struct conv_i8){.y = NULL};
    return conv_describe(ctx->params, o->op, ctx->in[o->x], ctx->in[o->w], &c->sizes, err);
}

void int_conv_at(const struct op_run *ctx, const struct int_conv *o, const int64_t image_group[2],
                 struct conv_i8 *c)
{
    const struct tensor *x = ctx->in[o->x], *w = ctx->in[o->w];
    int64_t groups = c->sizes.groups, per_group = c->sizes.out_c / groups;
    int64_t x_step = op_span(x->dims, 1, x->rank) / groups;
    int64_t w_step = op_span(w->dims, 1, w->rank) * per_group, group = image_group[1];
    c->x = quant_bytes(x, quant_operand(ctx->n_in, ctx->in, o->x_zero));
    c->x.data = (const uint8_t *)c->x.data + (image_group[0] * groups + group) * x_step;
    c->w = quant_bytes(w, quant_operand(ctx->n_in, ctx->in, o->w_zero));
    c->w.data = (const uint8_t *)c->w.data + group * w_step;
    if (c->w.zeros > 1)
        c->w.zero = (const uint8_t *)c->w.zero + group * per_group;
}
