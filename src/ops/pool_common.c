/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pools.  source: ONNX MaxPool-12, AveragePool-11 (with the dilations of AveragePool-19),
 * GlobalAveragePool-1. With ceil_mode, a window that would start in the trailing padding is left
 * out, as PyTorch does. */
#include "ops/pool_common.h"

/* Window places of one run, clipped to the input; some hundred times what real networks ask for. A
 * window may cover the whole input at every output, which only the attributes claim is wanted. */
#define POOL_PLACES_MAX (INT64_C(1) << 35)

enum status pool_prepare(const struct op_node *node, const char *op, struct pool_params *p,
                         struct err *err)
{
    enum status s = window_read(node, op, &p->window, err);
    if (s == OK && !p->window.has_kernel)
        return err_set(err, E_CORRUPT, "%s: attribute kernel_shape is missing", op);
    return s == OK ? op_flag(node, ATTR_count_include_pad, 0, &p->count_pad, err) : s;
}

static enum status describe(const struct pool_params *p, const char *op, const struct tensor *x,
                            struct placed_window *at, struct err *err)
{
    return window_place(&p->window, op, x, p->window.kernel, at, err);
}

enum status pool_bound_work(const char *op, const struct tensor *x, const struct placed_window *at,
                            struct err *err)
{
    int64_t work = op_span(x->dims, 0, 2);
    for (int d = 0; d < SPATIAL_MAX; d++)
        if (__builtin_mul_overflow(work, at->out[d], &work) ||
            __builtin_mul_overflow(work, MIN(at->kernel[d], at->in[d]), &work))
            work = INT64_MAX;
    if (work <= POOL_PLACES_MAX)
        return OK;
    char text[TENSOR_TEXT_MAX];
    return err_set(err, E_UNSUPPORTED,
                   "%s: input 0 is %s, and the windows over it have more than 2^35 places", op,
                   tensor_text(x, text));
}

enum status pool_infer(struct op_infer *ctx, const char *op, struct err *err)
{
    enum status s = op_operands(ctx, op, 1, err);
    struct placed_window at;
    if (s == OK)
        s = describe(ctx->params, op, ctx->in[0], &at, err);
    if (s == OK)
        s = pool_bound_work(op, ctx->in[0], &at, err);
    if (s != OK)
        return s;
    int64_t dims[TENSOR_RANK_MAX];
    window_dims(&at, ctx->in[0], ctx->in[0]->dims[1], dims);
    s = op_output(ctx, 0, op, ctx->in[0]->dtype, ctx->in[0]->rank, dims, err);
    return s == OK ? op_output(ctx, 1, op, DT_I64, ctx->in[0]->rank, dims, err) : s;
}

enum status pool_describe(const struct op_run *ctx, const char *op, struct pool *p, struct err *err)
{
    const struct pool_params *params = ctx->params;
    const struct tensor *x = ctx->in[0];
    struct placed_window at;
    enum status s = describe(params, op, x, &at, err);
    if (s != OK)
        return s;
    *p = (struct pool){.planes = x->dims[0] * x->dims[1], .count_pad = params->count_pad};
    for (int d = 0; d < SPATIAL_MAX; d++) {
        p->in[d] = at.in[d];
        p->out[d] = at.out[d];
        p->kernel[d] = at.kernel[d];
        p->stride[d] = at.stride[d];
        p->dilation[d] = at.dilation[d];
        p->pad[d] = at.pad[d];
        p->pad_end[d] = at.pad_end[d];
    }
    return OK;
}

enum status pool_run(const struct op_run *ctx, const char *op, void (*f)(const struct pool *),
                     struct err *err)
{
    struct pool p;
    enum status s = pool_describe(ctx, op, &p, err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    p.x = ctx->in[0]->data;
    p.y = ctx->out[0]->data;
    f(&p);
    return OK;
}

enum status pool_infer_global(struct op_infer *ctx, const char *op, struct err *err)
{
    enum status s = op_operands(ctx, op, 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (!dtype_is_float(x->dtype))
        return op_no_kernel(op, 0, x, err);
    if (x->rank < 2)
        return op_bad(op, 0, x, "batch and channels", err);
    int64_t dims[TENSOR_RANK_MAX] = {x->dims[0], x->dims[1], 1, 1, 1, 1, 1, 1};
    return op_output(ctx, 0, op, x->dtype, x->rank, dims, err);
}
