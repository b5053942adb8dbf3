/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Reductions: the input is walked once, in memory order, while the output, as a shape with the
 * reduced dims of extent 1, stands still along them; see broadcast.h.
 * source: ONNX ReduceSum-13, ReduceMean-18 and the like */
#include "ops/reduce.h"

#include <math.h>

#include "ops/broadcast.h"
#include "ops/ops_priv.h"

enum status reduce_prepare(const struct op_node *node, const char *op, bool by_attr, void *params,
                           struct err *err)
{
    struct reduce_params *p = params;
    enum status s = axes_prepare(node, op, by_attr, &p->axes, err);
    if (s == OK)
        s = op_flag(node, ATTR_keepdims, 1, &p->keep, err);
    return s == OK ? op_flag(node, ATTR_noop_with_empty_axes, 0, &p->noop, err) : s;
}

static reduce_fn *pick(const struct reduce_set *set, enum dtype t)
{
    switch (t) {
    case DT_F32:
        return set->f32;
    case DT_F64:
        return set->f64;
    case DT_I32:
        return set->i32;
    case DT_I64:
        return set->i64;
    default:
        return NULL;
    }
}

/* The output with all dims kept, and the mask of those reduced. */
static enum status kept(const struct reduce_params *p, const char *op, int n_in,
                        const struct tensor *const *in, struct tensor *out, unsigned *mask,
                        struct err *err)
{
    bool given;
    *out = *in[0];
    enum status s = axes_mask(&p->axes, op, n_in, in, in[0]->rank, mask, &given, err);
    if (!given && !p->noop)
        *mask = (1u << in[0]->rank) - 1;
    for (int d = 0; d < in[0]->rank; d++)
        if (*mask >> d & 1)
            out->dims[d] = 1;
    return s;
}

enum status reduce_infer(struct op_infer *ctx, const struct reduce_set *set, struct err *err)
{
    const struct reduce_params *p = ctx->params;
    struct tensor full;
    unsigned mask = 0;
    enum status s = op_operands(ctx, set->op, 1, err);
    if (s == OK && !pick(set, ctx->in[0]->dtype))
        s = op_no_kernel(set->op, 0, ctx->in[0], err);
    if (s == OK)
        s = kept(p, set->op, ctx->n_in, ctx->in, &full, &mask, err);
    if (s != OK)
        return s;
    if (set->needs_some && tensor_count(ctx->in[0]) == 0 && tensor_count(&full) > 0)
        return op_bad(set->op, 0, ctx->in[0], "elements along the reduced axes", err);
    int rank = 0;
    int64_t dims[TENSOR_RANK_MAX];
    for (int d = 0; d < full.rank; d++)
        if (p->keep || !(mask >> d & 1))
            dims[rank++] = full.dims[d];
    return op_output(ctx, 0, set->op, full.dtype, rank, dims, err);
}

static void finish(const struct reduce_set *set, const struct tensor *y, int64_t taken)
{
    int64_t n = tensor_count(y);
    float *f = y->data;
    if (y->dtype == DT_F64 && set->finish == REDUCE_MEAN)
        for (int64_t i = 0; i < n; i++)
            ((double *)y->data)[i] /= (double)taken;
    if (y->dtype != DT_F32)
        return;
    for (int64_t i = 0; i < n && set->finish != REDUCE_PLAIN; i++) {
        if (set->finish == REDUCE_MEAN)
            f[i] /= (float)taken;
        else
            f[i] = set->finish == REDUCE_ROOT ? sqrtf(f[i]) : logf(f[i]);
    }
}

enum status reduce_run(const struct op_run *ctx, const struct reduce_set *set, struct err *err)
{
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    struct tensor full;
    unsigned mask = 0;
    enum status s = kept(ctx->params, set->op, ctx->n_in, ctx->in, &full, &mask, err);
    if (s == OK && tensor_count(&full) != tensor_count(y))
        return err_set(err, E_BAD_INPUT, "%s: the axes are not those that were planned", set->op);
    if (s != OK || tensor_count(y) == 0)
        return s;
    reduce_fn *f = pick(set, x->dtype);
    size_t width = dtype_bytes(x->dtype);
    reduce_begin(f, tensor_count(y), y->data);
    if (tensor_count(x) > 0) {
        const struct tensor *operand[1] = {&full};
        struct broadcast w;
        const uint8_t *from = x->data;
        broadcast_begin(&w, x, operand, 1);
        int64_t n = broadcast_run_count(&w), step = broadcast_run_step(&w, 0);
        do {
            f(n, from, (uint8_t *)y->data + (size_t)w.at[0] * width, step);
            from += (size_t)n * width;
        } while (broadcast_next(&w));
    }
    finish(set, y, tensor_count(x) / tensor_count(y));
    return OK;
}
