/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Convolution: operands X, W, B (optional) and, fused, a tensor added before the activation. Shape
 * and run fill the same struct conv, so that the scratch that was planned is the scratch used.
 * source: ONNX Conv-11 */
#include "ops/conv_common.h"

#include <inttypes.h>

#include "kernels/conv_f64.h"

enum status conv_prepare(const struct op_node *node, const char *op, struct conv_params *p,
                         struct err *err)
{
    enum status s = window_read(node, op, &p->window, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_group, 1, &p->group, err);
    if (s != OK)
        return s;
    if (p->group < 1 || p->group > OP_EXTENT_MAX)
        return err_set(err, E_CORRUPT, "attribute group is %" PRId64 ", expected at least 1",
                       p->group);
    return OK;
}

enum status conv_weights(const struct conv_params *p, const char *op, const struct tensor *x,
                         const struct tensor *w, struct err *err)
{
    if (x->rank < 3)
        return op_bad(op, 0, x, "batch, channels and spatial dims", err);
    if (w->rank != x->rank)
        return op_bad(op, 1, w, "as many dims as input 0", err);
    if (x->dims[1] % p->group != 0 || x->dims[1] / p->group != w->dims[1] ||
        w->dims[0] % p->group != 0) {
        char tx[TENSOR_TEXT_MAX], tw[TENSOR_TEXT_MAX];
        return err_set(err, E_BAD_INPUT,
                       "%s: input %s, weights %s and group %" PRId64 " do not go together", op,
                       tensor_text(x, tx), tensor_text(w, tw), p->group);
    }
    for (int i = 0; i < w->rank - 2; i++)
        if (p->window.has_kernel && p->window.kernel[i] != w->dims[2 + i])
            return op_bad(op, 1, w, "the extents of attribute kernel_shape", err);
    return OK;
}

enum status conv_describe(const struct conv_params *p, const char *op, const struct tensor *x,
                          const struct tensor *w, struct conv *c, struct err *err)
{
    struct placed_window at;
    enum status s = window_place(&p->window, op, x, w->dims + 2, &at, err);
    if (s != OK)
        return s;
    *c = (struct conv){.batch = x->dims[0],
                       .groups = p->group,
                       .in_c = x->dims[1],
                       .out_c = w->dims[0],
                       .epilogue = p->epilogue};
    for (int i = 0; i < SPATIAL_MAX; i++) {
        c->in[i] = at.in[i];
        c->out[i] = at.out[i];
        c->kernel[i] = at.kernel[i];
        c->stride[i] = at.stride[i];
        c->dilation[i] = at.dilation[i];
        c->pad[i] = at.pad[i];
    }
    return OK;
}

static enum status check_rest(const struct op_infer *ctx, const char *op, struct err *err)
{
    const struct tensor *w = ctx->in[1], *b = op_operand(ctx->in, ctx->n_in, 2);
    const struct tensor *sum = op_operand(ctx->in, ctx->n_in, 3);
    if (b && (b->rank != 1 || b->dims[0] != w->dims[0]))
        return op_bad(op, 2, b, "one element per output channel", err);
    if (sum && !shape_same(sum, ctx->out[0]))
        return op_bad(op, 3, sum, "the shape of the output", err);
    return OK;
}

void conv_dims(const struct conv *c, int rank, int64_t dims[TENSOR_RANK_MAX])
{
    dims[0] = c->batch;
    dims[1] = c->out_c;
    for (int i = 2; i < rank; i++)
        dims[i] = c->out[SPATIAL_MAX - rank + i];
}

/* float64 has no fused forms. */
static enum dtype computed(const struct op_infer *ctx)
{
    const struct conv_params *p = ctx->params;
    bool plain = p->epilogue.act == ACT_NONE && !op_operand(ctx->in, ctx->n_in, 3);
    return plain && ctx->in[0]->dtype == DT_F64 ? DT_F64 : DT_F32;
}

enum status conv_infer(struct op_infer *ctx, const char *op, struct err *err)
{
    const struct conv_params *p = ctx->params;
    enum status s = op_operands(ctx, op, 2, err);
    enum dtype t = s == OK ? computed(ctx) : DT_NONE;
    for (int i = 0; i < ctx->n_in && s == OK; i++)
        s = op_only(ctx, op, i, t, err);
    if (s == OK)
        s = conv_weights(p, op, ctx->in[0], ctx->in[1], err);
    struct conv c;
    if (s == OK)
        s = conv_describe(p, op, ctx->in[0], ctx->in[1], &c, err);
    if (s != OK)
        return s;
    int64_t dims[TENSOR_RANK_MAX];
    conv_dims(&c, ctx->in[0]->rank, dims);
    s = op_output(ctx, 0, op, t, ctx->in[0]->rank, dims, err);
    if (s == OK)
        s = check_rest(ctx, op, err);
    if (s == OK && t == DT_F32 && !conv_f32_scratch(&c, &ctx->scratch_bytes))
        return err_set(err, E_UNSUPPORTED, "%s: the unrolled input has no size", op);
    return s;
}

enum status conv_run(const struct op_run *ctx, const char *op, struct err *err)
{
    const struct tensor *b = op_operand(ctx->in, ctx->n_in, 2);
    const struct tensor *sum = op_operand(ctx->in, ctx->n_in, 3);
    struct conv c;
    enum status s = conv_describe(ctx->params, op, ctx->in[0], ctx->in[1], &c, err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    if (ctx->in[0]->dtype == DT_F64) {
        conv_f64(&c, ctx->in[0]->data, ctx->in[1]->data, b ? b->data : NULL, ctx->out[0]->data);
        return OK;
    }
    c.x = ctx->in[0]->data;
    c.w = ctx->in[1]->data;
    c.bias = b ? b->data : NULL;
    c.sum = sum ? sum->data : NULL;
    c.y = ctx->out[0]->data;
    c.scratch = ctx->scratch;
    conv_f32(&c);
    return OK;
}
