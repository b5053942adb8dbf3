/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Running on float32 copies; see as_f32.h. The copies stand first in the scratch, in the order of
 * inputs and outputs, and the operator's own scratch behind them, so that run finds the places that
 * infer has counted. */
#include "ops/as_f32.h"

#include "base/checked.h"
#include "ops/element.h"
#include "ops/half.h"

enum { OPERANDS_MAX = 16, ALIGN = 64 };

static bool converts(enum dtype t, unsigned what)
{
    return (dtype_is_half(t) && what & AS_F32_HALF) || (t == DT_F64 && what & AS_F32_F64) ||
           (dtype_is_int(t) && what & AS_F32_INTEGERS);
}

/* Input 0's dtype when the operands are to be converted, else DT_NONE. */
static enum dtype foreign(int n_in, const struct tensor *const *in, int n_out, unsigned what)
{
    if (n_in < 1 || !in[0] || n_in > OPERANDS_MAX || n_out > OPERANDS_MAX)
        return DT_NONE;
    return converts(in[0]->dtype, what) ? in[0]->dtype : DT_NONE;
}

static bool add_copy(const struct tensor *t, uint64_t *bytes)
{
    uint64_t n;
    return shape_count(t->rank, t->dims, &n) && checked_mul(n, sizeof(float), &n) &&
           checked_align(n, ALIGN, &n) && checked_add(*bytes, n, bytes) && *bytes <= INT64_MAX;
}

/* All floats must be of input 0's dtype, but where the specification lets them differ. */
static enum status check_floats(const struct op_infer *ctx, const char *op, struct err *err)
{
    enum status s = OK;
    for (int i = 1; i < ctx->n_in && s == OK; i++)
        if (ctx->in[i] && dtype_is_float(ctx->in[i]->dtype))
            s = op_same_dtype(ctx, op, i, err);
    return s;
}

enum status as_f32_infer(struct op_infer *ctx, const char *op, as_f32_infer_fn *f, unsigned what,
                         struct err *err)
{
    enum dtype t = foreign(ctx->n_in, ctx->in, ctx->n_out, what);
    if (t == DT_NONE)
        return f(ctx, err);
    enum status s = what & AS_F32_FIRST ? OK : check_floats(ctx, op, err);
    if (s != OK)
        return s;
    struct tensor copy[OPERANDS_MAX];
    const struct tensor *in[OPERANDS_MAX] = {NULL}, *const *own = ctx->in;
    uint64_t bytes = 0;
    bool sized = true;
    for (int i = 0; i < ctx->n_in; i++) {
        in[i] = own[i];
        if (!in[i] || in[i]->dtype != t || (i && what & AS_F32_FIRST))
            continue;
        copy[i] = *in[i];
        copy[i].dtype = DT_F32;
        copy[i].data = NULL;
        in[i] = &copy[i];
        sized &= add_copy(in[i], &bytes);
    }
    ctx->in = in;
    s = f(ctx, err);
    ctx->in = own;
    for (int i = 0; i < ctx->n_out && s == OK; i++)
        if (ctx->out[i] && ctx->out[i]->dtype == DT_F32) {
            ctx->out[i]->dtype = t;
            sized &= add_copy(ctx->out[i], &bytes) && tensor_bytes(ctx->out[i], &(uint64_t){0});
        }
    if (s == OK && !(sized && checked_add(bytes, ctx->scratch_bytes, &ctx->scratch_bytes)))
        return err_set(err, E_UNSUPPORTED, "%s: the float32 copies have no size", op);
    return s;
}

static void load(const struct tensor *x, float *y)
{
    int64_t n = tensor_count(x);
    if (dtype_is_half(x->dtype))
        half_load(x->dtype, n, x->data, y);
    else
        for (int64_t i = 0; i < n; i++)
            y[i] = (float)tensor_get_f64(x, i);
}

static void store(const float *x, const struct tensor *y)
{
    int64_t n = tensor_count(y);
    if (dtype_is_half(y->dtype))
        half_store(y->dtype, n, x, y->data);
    else
        for (int64_t i = 0; i < n; i++)
            element_set_f64(y, i, (double)x[i]);
}

/* t's float32 twin at *at, which moves behind it. */
static struct tensor twin(const struct tensor *t, uint8_t **at)
{
    struct tensor copy = *t;
    copy.dtype = DT_F32;
    copy.data = *at;
    *at += ((uint64_t)tensor_count(t) * sizeof(float) + ALIGN - 1) / ALIGN * ALIGN;
    return copy;
}

enum status as_f32_run(const struct op_run *ctx, as_f32_run_fn *f, unsigned what, struct err *err)
{
    enum dtype t = foreign(ctx->n_in, ctx->in, ctx->n_out, what);
    if (t == DT_NONE)
        return f(ctx, err);
    struct tensor copy_in[OPERANDS_MAX], copy_out[OPERANDS_MAX], *out[OPERANDS_MAX] = {NULL};
    const struct tensor *in[OPERANDS_MAX] = {NULL};
    uint8_t *at = ctx->scratch;
    for (int i = 0; i < ctx->n_in; i++) {
        in[i] = ctx->in[i];
        if (!in[i] || in[i]->dtype != t || (i && what & AS_F32_FIRST))
            continue;
        copy_in[i] = twin(in[i], &at);
        load(in[i], copy_in[i].data);
        in[i] = &copy_in[i];
    }
    for (int i = 0; i < ctx->n_out; i++) {
        out[i] = ctx->out[i];
        if (!out[i] || out[i]->dtype != t)
            continue;
        copy_out[i] = twin(out[i], &at);
        out[i] = &copy_out[i];
    }
    struct op_run inner = {ctx->params, ctx->n_in, ctx->n_out, in, out, at, ctx->team};
    enum status s = f(&inner, err);
    for (int i = 0; i < ctx->n_out && s == OK; i++)
        if (out[i] && out[i] == &copy_out[i])
            store(out[i]->data, ctx->out[i]);
    return s;
}
