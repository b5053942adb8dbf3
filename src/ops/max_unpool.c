/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* MaxUnpool: every element of x goes back to the place that its index names, all others are 0. The
 * indices count elements of the shape that kernel, strides and pads give; an output_shape larger
 * than it gets zeros behind, as ONNX's reference does.  source: ONNX MaxUnpool-9, 11, 22 */
#include <inttypes.h>
#include <string.h>

#include "kernels/strided.h"
#include "ops/index.h"
#include "ops/spatial.h"

struct params {
    struct window window;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = window_read(node, "MaxUnpool", &p->window, err);
    if (s == OK && !p->window.has_kernel)
        return err_set(err, E_CORRUPT, "MaxUnpool: attribute kernel_shape is missing");
    return s;
}

/* The dims that the indices count in. */
static enum status pooled_dims(const struct window *w, const struct tensor *x, struct tensor *out,
                               struct err *err)
{
    uint64_t bytes;
    *out = *x;
    if (x->rank != w->n + 2)
        return op_bad("MaxUnpool", 0, x, "as many spatial dims as kernel_shape", err);
    for (int d = 0; d < w->n; d++) {
        int64_t n = x->dims[d + 2], size;
        if (n < 1 || __builtin_mul_overflow(n - 1, w->stride[d], &size) ||
            __builtin_add_overflow(size, w->kernel[d] - w->pads[d] - w->pads[w->n + d], &size) ||
            size < 1)
            return op_bad("MaxUnpool", 0, x, "spatial dims that the pads leave something of", err);
        out->dims[d + 2] = size;
    }
    if (!tensor_bytes(out, &bytes))
        return op_bad("MaxUnpool", 0, x, "a shape whose output has a size", err);
    return OK;
}

static enum status output_dims(const struct tensor *const *in, int n_in,
                               const struct tensor *pooled, struct tensor *out, struct err *err)
{
    int64_t dims[TENSOR_RANK_MAX];
    int n;
    *out = *pooled;
    if (n_in < 3 || !in[2])
        return OK;
    enum status s = op_values("MaxUnpool", 2, in[2], dims, TENSOR_RANK_MAX, &n, err);
    if (s != OK)
        return s;
    bool fits = n == pooled->rank && dims[0] == pooled->dims[0] && dims[1] == pooled->dims[1];
    for (int d = 2; d < n && fits; d++)
        fits = dims[d] >= pooled->dims[d];
    if (!fits)
        return op_bad("MaxUnpool", 2, in[2], "a shape that holds the unpooled one", err);
    memcpy(out->dims, dims, sizeof(dims[0]) * (size_t)n);
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    struct tensor pooled, out;
    enum status s = op_operands(ctx, "MaxUnpool", 2, err);
    if (s == OK)
        s = index_dtype(ctx, "MaxUnpool", 1, err);
    if (s == OK && ctx->in[0]->dtype == DT_STRING)
        s = op_no_kernel("MaxUnpool", 0, ctx->in[0], err);
    if (s == OK && !shape_same(ctx->in[0], ctx->in[1]))
        s = op_bad("MaxUnpool", 1, ctx->in[1], "an index for each element of input 0", err);
    if (s == OK)
        s = pooled_dims(&p->window, ctx->in[0], &pooled, err);
    if (s == OK)
        s = op_known(ctx, 2, err);
    if (s == OK)
        s = output_dims(ctx->in, ctx->n_in, &pooled, &out, err);
    return s == OK ? op_output(ctx, 0, "MaxUnpool", out.dtype, out.rank, out.dims, err) : s;
}

/* Where element number i of a tensor of shape `from` stands in one of shape `to`. */
static int64_t moved(int64_t i, const struct tensor *from, const struct tensor *to)
{
    int64_t place = 0, step = 1;
    for (int d = from->rank - 1; d >= 0; d--) {
        place += i % from->dims[d] * step;
        i /= from->dims[d];
        step *= to->dims[d];
    }
    return place;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *index = ctx->in[1], *y = ctx->out[0];
    struct tensor pooled, out;
    enum status s = pooled_dims(&p->window, x, &pooled, err);
    if (s == OK)
        s = output_dims(ctx->in, ctx->n_in, &pooled, &out, err);
    if (s == OK && !shape_same(&out, y))
        return err_set(err, E_BAD_INPUT, "MaxUnpool: the shape is not the one that was planned");
    size_t width = dtype_bytes(x->dtype);
    int64_t n = tensor_count(x), limit = tensor_count(&pooled), place = 0;
    bool same = shape_same(&pooled, y);
    if (s == OK)
        memset(y->data, 0, (size_t)tensor_count(y) * width);
    for (int64_t i = 0; i < n && s == OK; i++) {
        s = index_at("MaxUnpool", index, i, limit, &place, err);
        if (s != OK)
            break;
        place = same ? place : moved(place, &pooled, y);
        memcpy((uint8_t *)y->data + (size_t)place * width,
               (const uint8_t *)x->data + (size_t)i * width, width);
    }
    return s;
}

const struct op op_max_unpool = {
    .domain = "",
    .name = "MaxUnpool",
    .code = OP_CODE_max_unpool,
    .since = {9, 11, 22},
    .types = OP_ANY,
    .in_min = 2,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
