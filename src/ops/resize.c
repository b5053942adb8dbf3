/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Resize: nearest of any dtype; linear and cubic in float32, from and to any number (integers lose
 * their fraction, as ONNX Runtime does it); by scales or by sizes. antialias is refused.  source:
 * ONNX Resize-10, 11, 13, 18 (axes, keep_aspect_ratio_policy) */
#include <math.h>
#include <string.h>

#include "ops/as_f32.h"
#include "ops/resize.h"

enum policy { STRETCH, NOT_LARGER, NOT_SMALLER };

struct params {
    struct resize_params how;
    enum policy policy;
    int32_t scales; /* which operand; roi and sizes stand beside it, before version 11 neither */
    int32_t n_axes;
    int64_t axes[TENSOR_RANK_MAX];
};

static enum status read_policy(const struct op_node *node, enum policy *out, struct err *err)
{
    static const char *const names[] = {"stretch", "not_larger", "not_smaller"};
    const char *s;
    size_t len;
    enum status st =
        attr_string(&node->attrs, ATTR_keep_aspect_ratio_policy, "stretch", &s, &len, err);
    if (st != OK)
        return st;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strlen(names[i]) == len && memcmp(names[i], s, len) == 0) {
            *out = (enum policy)i;
            return OK;
        }
    return err_set(err, E_CORRUPT, "attribute keep_aspect_ratio_policy is not one ONNX knows");
}

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    bool antialias;
    int n = 0;
    enum status s = resize_read(node, &p->how, err);
    if (s == OK)
        s = read_policy(node, &p->policy, err);
    if (s == OK)
        s = attr_ints(&node->attrs, ATTR_axes, p->axes, TENSOR_RANK_MAX, &n, err);
    if (s == OK)
        s = op_flag(node, ATTR_antialias, 0, &antialias, err);
    if (s != OK)
        return s;
    if (antialias && p->how.mode != RESIZE_NEAREST)
        return err_set(err, E_UNSUPPORTED, "Resize: antialias is not supported");
    p->n_axes = n;
    p->scales = node->version < 11 ? 1 : 2;
    if (node->n_in > (node->version < 11 ? 2 : 4))
        return err_set(err, E_CORRUPT, "Resize: %d inputs", node->n_in);
    return OK;
}

/* What the operands say, one number an axis. */
struct spec {
    const struct tensor *roi, *scales, *sizes; /* NULL: not given */
    int n, axes[TENSOR_RANK_MAX];
};

/* A list that is left out may also be there and empty. */
static const struct tensor *operand(int n_in, const struct tensor *const *in, int i)
{
    return i < n_in && in[i] && !(in[i]->rank == 1 && in[i]->dims[0] == 0) ? in[i] : NULL;
}

static enum status check_list(const struct tensor *t, int i, enum dtype dtype, int n,
                              struct err *err)
{
    if (!t)
        return OK;
    if (t->dtype != dtype || t->rank != 1 || t->dims[0] != n)
        return op_bad("Resize", i, t,
                      dtype == DT_I64 ? "int64, one for each axis"
                                      : "float32, one for each axis (roi: two, of any float)",
                      err);
    return OK;
}

static enum status read_spec(const struct params *p, int n_in, const struct tensor *const *in,
                             struct spec *s, struct err *err)
{
    const struct tensor *x = in[0];
    bool old = p->scales == 1;
    s->roi = old || p->how.place != PLACE_TF_CROP ? NULL : operand(n_in, in, 1);
    s->scales = operand(n_in, in, p->scales);
    s->sizes = old ? NULL : operand(n_in, in, 3);
    s->n = p->n_axes ? p->n_axes : x->rank;
    unsigned seen = 0;
    for (int i = 0; i < s->n; i++) {
        enum status st =
            op_axis("Resize", p->n_axes ? p->axes[i] : i, x->rank, false, &s->axes[i], err);
        if (st != OK)
            return st;
        if (seen & (1u << s->axes[i]))
            return err_set(err, E_BAD_INPUT, "Resize: axis %d comes twice", s->axes[i]);
        seen |= 1u << s->axes[i];
    }
    if (!s->scales == !s->sizes)
        return err_set(err, E_BAD_INPUT, "Resize: either scales or sizes are wanted");
    if (p->how.place == PLACE_TF_CROP && !s->roi)
        return err_set(err, E_BAD_INPUT, "Resize: tf_crop_and_resize wants a roi");
    /* A roi may be of any float. */
    enum dtype roi = s->roi && dtype_is_float(s->roi->dtype) ? s->roi->dtype : DT_F32;
    enum status st = check_list(s->roi, 1, roi, 2 * s->n, err);
    if (st == OK)
        st = check_list(s->scales, p->scales, DT_F32, s->n, err);
    return st == OK ? check_list(s->sizes, 3, DT_I64, s->n, err) : st;
}

/* The one scale of all axes that keeps the aspect ratio; 0: each its own. */
static double common_scale(const struct params *p, const struct tensor *x, const struct spec *s)
{
    double common = 0;
    for (int i = 0; i < s->n && p->policy != STRETCH; i++) {
        double scale = (double)tensor_get_i64(s->sizes, i) / (double)x->dims[s->axes[i]];
        bool take = p->policy == NOT_LARGER ? scale < common : scale > common;
        common = i == 0 || take ? scale : common;
    }
    return common;
}

static enum status by_size(const struct tensor *x, int axis, int64_t size, double common,
                           struct resize_dim *d, struct err *err)
{
    double out = common > 0 ? floor((double)x->dims[axis] * common + 0.5) : (double)size;
    if (size < 1 || x->dims[axis] < 1 || x->dims[axis] > OP_EXTENT_MAX ||
        !(out >= 1 && out <= (double)OP_EXTENT_MAX))
        return err_set(err, E_BAD_INPUT, "Resize: axis %d cannot go from %lld to %lld", axis,
                       (long long)x->dims[axis], (long long)size);
    d->in = x->dims[axis];
    d->out = (int64_t)out;
    d->scale = common > 0 ? common : (double)size / (double)d->in;
    return OK;
}

static enum status read_dims(const struct params *p, int n_in, const struct tensor *const *in,
                             struct resize_dim dims[TENSOR_RANK_MAX], struct err *err)
{
    struct spec s;
    const struct tensor *x = in[0];
    enum status st = read_spec(p, n_in, in, &s, err);
    if (st != OK)
        return st;
    double common = s.sizes ? common_scale(p, x, &s) : 0;
    for (int d = 0; d < x->rank; d++)
        dims[d] = (struct resize_dim){x->dims[d], x->dims[d], 1, 0, 1};
    for (int i = 0; i < s.n && st == OK; i++) {
        struct resize_dim *d = &dims[s.axes[i]];
        if (s.roi) {
            d->start = tensor_get_f64(s.roi, i);
            d->end = tensor_get_f64(s.roi, s.n + i);
        }
        if (s.sizes)
            st = by_size(x, s.axes[i], tensor_get_i64(s.sizes, i), common, d, err);
        else
            st = resize_scale("Resize", d->in, ((const float *)s.scales->data)[i], d, err);
    }
    return st;
}

/* What nearest moves as it is; all else is computed. */
static unsigned computed(const struct params *p)
{
    bool moves = p->how.mode == RESIZE_NEAREST && p->how.place != PLACE_TF_CROP;
    return moves ? 0 : AS_F32_HALF | AS_F32_F64 | AS_F32_INTEGERS | AS_F32_FIRST;
}

static enum status infer_own(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    struct resize_dim dims[TENSOR_RANK_MAX];
    enum status s = op_operands(ctx, "Resize", 1, err);
    if (s == OK && computed(p))
        s = op_only(ctx, "Resize", 0, DT_F32, err);
    for (int i = 1; i < 4 && s == OK; i++)
        if (i != 1 || p->scales == 1 || p->how.place == PLACE_TF_CROP) /* else a roi says nothing */
            s = op_known(ctx, i, err);
    if (s == OK)
        s = read_dims(p, ctx->n_in, ctx->in, dims, err);
    return s == OK ? resize_plan(ctx, "Resize", &p->how, dims, err) : s;
}

static enum status run_own(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    struct resize_dim dims[TENSOR_RANK_MAX];
    enum status s = read_dims(p, ctx->n_in, ctx->in, dims, err);
    for (int d = 0; d < ctx->in[0]->rank && s == OK; d++)
        if (dims[d].out != ctx->out[0]->dims[d])
            return err_set(err, E_BAD_INPUT, "Resize: the sizes are not those planned");
    if (s == OK)
        resize_run(ctx, &p->how, dims);
    return s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return as_f32_infer(ctx, "Resize", infer_own, computed(ctx->params), err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return as_f32_run(ctx, run_own, computed(ctx->params), err);
}

const struct op op_resize = {
    .domain = "",
    .name = "Resize",
    .code = OP_CODE_resize,
    .since = {10, 11, 13, 18, 19},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
