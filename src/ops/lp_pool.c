/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LpPool: the p-norm of every window; places in the padding count as zeros.
 * source: ONNX LpPool-1, 2 (p is an integer), 11, 18 (ceil_mode, dilations), 22 */
#include "ops/element.h"
#include "ops/lp.h"
#include "ops/pool_common.h"

struct params {
    struct pool_params pool;
    double p;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = pool_prepare(node, "LpPool", &p->pool, err);
    return s == OK ? lp_read(node, "LpPool", &p->p, err) : s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "LpPool", 1, err);
    if (s == OK && !dtype_is_float(ctx->in[0]->dtype))
        s = op_no_kernel("LpPool", 0, ctx->in[0], err);
    return s == OK ? pool_infer(ctx, "LpPool", err) : s;
}

/* The window of output element `out` over the plane that begins at element `plane`. */
static double window_norm(const struct pool *w, double p, const struct tensor *x, int64_t plane,
                          const int64_t out[3])
{
    int64_t at[3], first[3], last[3];
    double sum = 0;
    for (int d = 0; d < 3; d++) {
        at[d] = out[d] * w->stride[d] - w->pad[d];
        pool_places(w, d, at[d], 0, w->in[d], &first[d], &last[d]);
    }
    for (int64_t i = first[0]; i < last[0]; i++)
        for (int64_t j = first[1]; j < last[1]; j++) {
            int64_t row = (at[0] + i * w->dilation[0]) * w->in[1] + at[1] + j * w->dilation[1];
            for (int64_t k = first[2]; k < last[2]; k++)
                sum += lp_part(
                    p, tensor_get_f64(x, plane + row * w->in[2] + at[2] + k * w->dilation[2]));
        }
    return lp_norm(p, sum);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    struct pool w;
    enum status s = pool_describe(ctx, "LpPool", &w, err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    int64_t size = w.in[0] * w.in[1] * w.in[2], n = 0, out[3];
    for (int64_t plane = 0; plane < w.planes; plane++)
        for (out[0] = 0; out[0] < w.out[0]; out[0]++)
            for (out[1] = 0; out[1] < w.out[1]; out[1]++)
                for (out[2] = 0; out[2] < w.out[2]; out[2]++)
                    element_set_f64(ctx->out[0], n++,
                                    window_norm(&w, p->p, ctx->in[0], plane * size, out));
    return OK;
}

const struct op op_lp_pool = {
    .domain = "",
    .name = "LpPool",
    .code = OP_CODE_lp_pool,
    .since = {1, 2, 11, 18, 22},
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
