/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "ops/block_pool_common.h"

enum status block_pool_prepare(const struct op_node *node, const char *op,
                               struct block_pool_params *p, struct err *err)
{
    enum status s = window_read(node, op, &p->pool.window, err);
    if (s == OK)
        s = op_flag(node, ATTR_count_include_pad, 0, &p->pool.count_pad, err);
    return s == OK ? narrow_prepare(node, op, &p->narrow, err) : s;
}

static enum status place(const struct pool_params *p, const char *op, const struct tensor *x,
                         struct placed_window *at, struct err *err)
{
    const struct tensor image = block_image(x);
    const int64_t whole[] = {MAX(x->dims[2], 1), MAX(x->dims[3], 1)};
    return window_place(&p->window, op, &image, p->window.has_kernel ? p->window.kernel : whole, at,
                        err);
}

enum status block_pool_infer(struct op_infer *ctx, const char *op, enum dtype y, struct err *err)
{
    const struct block_pool_params *p = ctx->params;
    enum status s = op_operands(ctx, op, 1, err);
    struct placed_window at;
    if (s == OK)
        s = block_narrow_operand(ctx, op, 0, err);
    if (s == OK)
        s = place(&p->pool, op, ctx->in[0], &at, err);
    if (s == OK)
        s = pool_bound_work(op, ctx->in[0], &at, err);
    if (s != OK)
        return s;
    const int64_t *in = ctx->in[0]->dims;
    const int64_t dims[] = {in[0], in[1], at.out[1], at.out[2], BLOCK_LANES};
    return op_output(ctx, 0, op, y, BLOCK_RANK, dims, err);
}

/* A pool that several threads share by its planes. */
struct shared {
    struct block_pool pool;
    void (*run)(const struct block_pool *p);
};

static void *beyond(const struct narrow_data *d, int64_t pixels)
{
    return (uint8_t *)d->data + pixels * BLOCK_LANES * narrow_bytes(d->type);
}

static void part(void *arg, int64_t from, int64_t to)
{
    const struct shared *s = arg;
    struct block_pool p = s->pool;
    p.planes = to - from;
    p.x.data = beyond(&p.x, from * p.in[0] * p.in[1]);
    p.y.data = beyond(&p.y, from * p.out[0] * p.out[1]);
    s->run(&p);
}

/* In multiply-adds: a place of a window takes the time of some five. */
static double work_of(const struct block_pool *p)
{
    const double each = 5.0 * BLOCK_LANES;
    return each * (double)(p->planes * p->out[0] * p->out[1]) * (double)p->kernel[0] *
           (double)p->kernel[1];
}

enum status block_pool_run(const struct op_run *ctx, const char *op,
                           void (*kernel)(const struct block_pool *p), struct err *err)
{
    const struct block_pool_params *params = ctx->params;
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    struct placed_window at;
    enum status s = place(&params->pool, op, x, &at, err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    struct block_pool p = {.planes = x->dims[0] * x->dims[1],
                           .count_pad = params->pool.count_pad,
                           .x = narrow_x(&params->narrow, x),
                           .y = narrow_y(&params->narrow, y)};
    for (int d = 0; d < 2; d++) {
        p.in[d] = at.in[d + 1];
        p.out[d] = at.out[d + 1];
        p.kernel[d] = at.kernel[d + 1];
        p.stride[d] = at.stride[d + 1];
        p.dilation[d] = at.dilation[d + 1];
        p.pad[d] = at.pad[d + 1];
        p.pad_end[d] = at.pad_end[d + 1];
    }
    struct shared shared = {p, kernel};
    if (ctx->team && work_of(&p) >= OP_TEAM_WORK)
        ctx->team->share(ctx->team->self, part, &shared, p.planes);
    else
        kernel(&p);
    return OK;
}
