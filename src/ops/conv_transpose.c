/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ConvTranspose, 1 to 3 spatial dims. An output_shape, or auto_pad SAME, decides the total padding;
 * its odd half goes to the end with SAME_UPPER, else to the beginning (what ONNX Runtime does at
 * every version; the text of version 1 has it the other way round).
 * source: ONNX ConvTranspose-1, 11 */
#include <inttypes.h>

#include "kernels/conv_f64.h"
#include "ops/as_f32.h"
#include "ops/spatial.h"

struct params {
    struct window window;
    int64_t group;
    int64_t extra[SPATIAL_MAX]; /* output_padding */
    int64_t shape[SPATIAL_MAX]; /* output_shape, or 0 */
};

static const char op_name[] = "ConvTranspose";

/* One number for each spatial dim, all from 0 to OP_EXTENT_MAX; absent: zeros. */
static enum status read_dims(const struct op_node *node, enum attr_key key, struct window *w,
                             int64_t *out, struct err *err)
{
    int n;
    enum status s = attr_ints(&node->attrs, key, out, SPATIAL_MAX, &n, err);
    if (s != OK || n == 0)
        return s;
    if (w->n && w->n != n)
        return err_set(err, E_CORRUPT, "attribute %s has %d elements, which disagrees with others",
                       attr_name(key), n);
    w->n = n;
    for (int i = 0; i < n; i++)
        if (out[i] < 0 || out[i] > OP_EXTENT_MAX)
            return err_set(err, E_CORRUPT, "attribute %s holds %" PRId64, attr_name(key), out[i]);
    return OK;
}

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = window_read(node, op_name, &p->window, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_group, 1, &p->group, err);
    if (s == OK)
        s = read_dims(node, ATTR_output_padding, &p->window, p->extra, err);
    if (s == OK)
        s = read_dims(node, ATTR_output_shape, &p->window, p->shape, err);
    if (s == OK && (p->group < 1 || p->group > OP_EXTENT_MAX))
        return err_set(err, E_CORRUPT, "attribute group is %" PRId64 ", expected at least 1",
                       p->group);
    return s;
}

/* Spatial dim i of n, at c's dim d. All numbers are at most OP_EXTENT_MAX, so the sums fit. */
static bool place_dim(const struct params *p, struct conv *c, int n, int i, int d)
{
    const struct window *w = &p->window;
    int64_t reach = (c->kernel[d] - 1) * c->dilation[d] + 1;
    int64_t full = (c->in[d] - 1) * c->stride[d] + reach + p->extra[i], want = p->shape[i];
    bool same = w->auto_pad == PAD_SAME_UPPER || w->auto_pad == PAD_SAME_LOWER;
    if (!want && same)
        want = c->in[d] * c->stride[d];
    if (want) {
        int64_t total = MAX(full - want, 0);
        c->pad[d] = w->auto_pad == PAD_SAME_UPPER ? total / 2 : total - total / 2;
        c->out[d] = want;
        return true;
    }
    bool none = w->auto_pad == PAD_VALID;
    c->pad[d] = none ? 0 : w->pads[i];
    c->out[d] = full - c->pad[d] - (none ? 0 : w->pads[n + i]);
    return c->out[d] > 0;
}

/* Sizes of the convolution; pointers stay NULL. */
static enum status describe(const struct params *p, const struct tensor *x, const struct tensor *w,
                            struct conv *c, struct err *err)
{
    int n = x->rank - 2, lead = SPATIAL_MAX - n;
    if (n > SPATIAL_MAX)
        return err_set(err, E_UNSUPPORTED, "%s: more than %d spatial dims", op_name, SPATIAL_MAX);
    if (n < 1 || (p->window.n && n != p->window.n))
        return op_bad(op_name, 0, x, "batch, channels and the attributes' spatial dims", err);
    if (w->rank != x->rank || w->dims[0] != x->dims[1] || x->dims[1] % p->group != 0 ||
        w->dims[1] > OP_EXTENT_MAX)
        return op_bad(op_name, 1, w, "[channels of input 0, channels / group, kernel...]", err);
    *c = (struct conv){.batch = x->dims[0], .groups = p->group, .in_c = x->dims[1]};
    c->out_c = w->dims[1] * p->group;
    for (int d = 0; d < SPATIAL_MAX; d++) {
        int i = d - lead;
        c->in[d] = i < 0 ? 1 : x->dims[2 + i];
        c->kernel[d] = i < 0 ? 1 : w->dims[2 + i];
        c->stride[d] = i < 0 ? 1 : p->window.stride[i];
        c->dilation[d] = i < 0 ? 1 : p->window.dilation[i];
        c->out[d] = 1;
        if (c->in[d] < 1 || c->in[d] > OP_EXTENT_MAX)
            return op_bad(op_name, 0, x, "spatial extents from 1 to 2147483647", err);
        if (c->kernel[d] < 1 || c->kernel[d] > OP_EXTENT_MAX ||
            (i >= 0 && p->window.has_kernel && p->window.kernel[i] != c->kernel[d]))
            return op_bad(op_name, 1, w, "the extents of attribute kernel_shape", err);
        if (i >= 0 && !place_dim(p, c, n, i, d))
            return err_set(err, E_BAD_INPUT, "%s: the pads leave nothing of spatial dim %d",
                           op_name, i);
    }
    return OK;
}

static enum status infer_own(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, op_name, 2, err);
    enum dtype t = s == OK && ctx->in[0]->dtype == DT_F64 ? DT_F64 : DT_F32;
    for (int i = 0; i < ctx->n_in && s == OK; i++)
        s = op_only(ctx, op_name, i, t, err);
    struct conv c;
    if (s == OK)
        s = describe(p, ctx->in[0], ctx->in[1], &c, err);
    if (s != OK)
        return s;
    const struct tensor *b = ctx->n_in > 2 ? ctx->in[2] : NULL;
    if (b && (b->rank != 1 || b->dims[0] != c.out_c))
        return op_bad(op_name, 2, b, "one element per output channel", err);
    int64_t dims[TENSOR_RANK_MAX] = {c.batch, c.out_c};
    int n = ctx->in[0]->rank - 2;
    for (int i = 0; i < n; i++)
        dims[2 + i] = c.out[SPATIAL_MAX - n + i];
    s = op_output(ctx, 0, op_name, t, n + 2, dims, err);
    if (s == OK && t == DT_F32 && !conv_transpose_f32_scratch(&c, &ctx->scratch_bytes))
        return err_set(err, E_UNSUPPORTED, "%s: the products have no size", op_name);
    return s;
}

static enum status run_own(const struct op_run *ctx, struct err *err)
{
    const struct tensor *b = ctx->n_in > 2 ? ctx->in[2] : NULL;
    struct conv c;
    enum status s = describe(ctx->params, ctx->in[0], ctx->in[1], &c, err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    if (ctx->in[0]->dtype == DT_F64) {
        conv_transpose_f64(&c, ctx->in[0]->data, ctx->in[1]->data, b ? b->data : NULL,
                           ctx->out[0]->data);
        return OK;
    }
    c.x = ctx->in[0]->data;
    c.w = ctx->in[1]->data;
    c.bias = b ? b->data : NULL;
    c.y = ctx->out[0]->data;
    c.scratch = ctx->scratch;
    conv_transpose_f32(&c);
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return as_f32_infer(ctx, op_name, infer_own, AS_F32_HALF, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return as_f32_run(ctx, run_own, AS_F32_HALF, err);
}

const struct op op_conv_transpose = {
    .domain = "",
    .name = "ConvTranspose",
    .code = OP_CODE_conv_transpose,
    .since = {1, 11},
    .types = OP_FLOATS,
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
