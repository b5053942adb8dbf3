/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "ops/block_pool_common.h"

enum status block_pool_prepare(const struct op_node *node, const char *op, struct pool_params *p,
                               struct err *err)
{
    enum status s = window_read(node, op, &p->window, err);
    return s == OK ? op_flag(node, ATTR_count_include_pad, 0, &p->count_pad, err) : s;
}

static enum status place(const struct pool_params *p, const char *op, const struct tensor *x,
                         struct placed_window *at, struct err *err)
{
    const struct tensor image = block_image(x);
    const int64_t whole[] = {MAX(x->dims[2], 1), MAX(x->dims[3], 1)};
    return window_place(&p->window, op, &image, p->window.has_kernel ? p->window.kernel : whole, at,
                        err);
}

enum status block_pool_infer(struct op_infer *ctx, const char *op, struct err *err)
{
    enum status s = op_operands(ctx, op, 1, err);
    struct placed_window at;
    if (s == OK)
        s = block_operand(ctx, op, 0, err);
    if (s == OK)
        s = place(ctx->params, op, ctx->in[0], &at, err);
    if (s == OK)
        s = pool_bound_work(op, ctx->in[0], &at, err);
    if (s != OK)
        return s;
    const int64_t *in = ctx->in[0]->dims;
    const int64_t dims[] = {in[0], in[1], at.out[1], at.out[2], BLOCK_LANES};
    return op_output(ctx, 0, op, DT_F32, BLOCK_RANK, dims, err);
}

enum status block_pool_run(const struct op_run *ctx, const char *op,
                           void (*f)(const struct block_pool *), struct err *err)
{
    const struct pool_params *params = ctx->params;
    const struct tensor *x = ctx->in[0];
    struct placed_window at;
    enum status s = place(params, op, x, &at, err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    struct block_pool p = {.planes = x->dims[0] * x->dims[1],
                           .count_pad = params->count_pad,
                           .x = x->data,
                           .y = ctx->out[0]->data};
    for (int d = 0; d < 2; d++) {
        p.in[d] = at.in[d + 1];
        p.out[d] = at.out[d + 1];
        p.kernel[d] = at.kernel[d + 1];
        p.stride[d] = at.stride[d + 1];
        p.dilation[d] = at.dilation[d + 1];
        p.pad[d] = at.pad[d + 1];
        p.pad_end[d] = at.pad_end[d + 1];
    }
    f(&p);
    return OK;
}
