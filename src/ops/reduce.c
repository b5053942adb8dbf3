/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Reductions: the input is walked once, in memory order, while the output, as a shape with the
 * reduced dims of extent 1, stands still along them; see broadcast.h.
 * source: ONNX ReduceSum-13, ReduceMean-18 and the like */
#include "ops/reduce.h"

#include <math.h>

#include "ops/broadcast.h"
#include "ops/element.h"
#include "ops/half.h"
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
    case DT_F16:
    case DT_BF16:
        return set->f32;
    case DT_F64:
        return set->f64;
    case DT_I32:
        return set->i32;
    case DT_I64:
        return set->i64;
    case DT_U32:
        return set->u32;
    case DT_U64:
        return set->u64;
    case DT_I8:
        return set->i8;
    case DT_I16:
        return set->i16;
    case DT_U8:
        return set->u8;
    case DT_U16:
        return set->u16;
    case DT_BOOL:
        return set->boolean;
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
        s = op_known(ctx, 1, err);
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
    if (dtype_is_half(full.dtype)) /* at most as many as the input: 4 times that fits */
        ctx->scratch_bytes = (uint64_t)tensor_count(&full) * sizeof(float);
    return op_output(ctx, 0, set->op, full.dtype, rank, dims, err);
}

static void finish_f32(enum reduce_finish how, float *f, int64_t n, int64_t taken)
{
    for (int64_t i = 0; i < n && how != REDUCE_PLAIN; i++) {
        if (how == REDUCE_MEAN)
            f[i] /= (float)taken;
        else
            f[i] = how == REDUCE_ROOT ? sqrtf(f[i]) : logf(f[i]);
    }
}

static void finish(enum reduce_finish how, const struct tensor *y, int64_t taken)
{
    if (y->dtype == DT_F32) {
        finish_f32(how, y->data, tensor_count(y), taken);
        return;
    }
    for (int64_t i = 0; i < tensor_count(y) && how != REDUCE_PLAIN; i++) {
        double v = tensor_get_f64(y, i);
        element_set_f64(y, i,
                        how == REDUCE_MEAN   ? v / (double)taken
                        : how == REDUCE_ROOT ? sqrt(v)
                                             : log(v));
    }
}

/* Takes x[n] into the float32 accumulators y. */
static void take_half(reduce_fn *f, enum dtype t, int64_t n, const uint16_t *x, float *y,
                      int64_t step)
{
    float block[HALF_BLOCK];
    for (int64_t i = 0; i < n; i += HALF_BLOCK) {
        int64_t m = MIN(n - i, HALF_BLOCK);
        half_load(t, m, x + i, block);
        f(m, block, y + i * step, step);
    }
}

/* Takes all of x into acc, whose shape is `full`; acc has x's dtype, or is float32 for halves. */
static void take_all(reduce_fn *f, const struct tensor *x, const struct tensor *full, void *acc)
{
    const struct tensor *operand[1] = {full};
    struct broadcast w;
    const uint8_t *from = x->data;
    size_t width = dtype_bytes(x->dtype);
    bool half = dtype_is_half(x->dtype);
    broadcast_begin(&w, x, operand, 1);
    int64_t n = broadcast_run_count(&w), step = broadcast_run_step(&w, 0);
    do {
        if (half)
            take_half(f, x->dtype, n, (const void *)from, (float *)acc + w.at[0], step);
        else
            f(n, from, (uint8_t *)acc + (size_t)w.at[0] * width, step);
        from += (size_t)n * width;
    } while (broadcast_next(&w));
}

enum status reduce_kept(const struct op_run *ctx, const struct reduce_set *set, struct tensor *full,
                        struct err *err)
{
    unsigned mask = 0;
    enum status s = kept(ctx->params, set->op, ctx->n_in, ctx->in, full, &mask, err);
    if (s == OK && tensor_count(full) != tensor_count(ctx->out[0]))
        return err_set(err, E_BAD_INPUT, "%s: the axes are not those that were planned", set->op);
    return s;
}

enum status reduce_run(const struct op_run *ctx, const struct reduce_set *set, struct err *err)
{
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    struct tensor full;
    enum status s = reduce_kept(ctx, set, &full, err);
    if (s != OK || tensor_count(y) == 0)
        return s;
    reduce_fn *f = pick(set, x->dtype);
    bool half = dtype_is_half(x->dtype);
    void *acc = half ? ctx->scratch : y->data;
    int64_t count = tensor_count(y), taken = tensor_count(x) / count;
    reduce_begin(f, count, acc);
    if (taken > 0)
        take_all(f, x, &full, acc);
    if (half) {
        finish_f32(set->finish, acc, count, taken);
        half_store(y->dtype, count, acc, y->data);
    } else {
        finish(set->finish, y, taken);
    }
    return OK;
}
