/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Col2Im: columns of blocks back into images; where blocks overlap, their elements are added. Every
 * element of the columns is visited once. One to three image dims.  source: ONNX Col2Im-18 */
#include <string.h>

#include "ops/element.h"
#include "ops/spatial.h"

struct params {
    struct window window; /* its kernel is an operand */
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return window_read(node, "Col2Im", &p->window, err);
}

/* The image, and the window laid on it. */
static enum status describe(const struct params *p, const struct tensor *const *in,
                            struct tensor *image, struct placed_window *at, struct err *err)
{
    const struct tensor *x = in[0];
    int64_t dims[SPATIAL_MAX], block[SPATIAL_MAX], blocks = 1, places = 1;
    int n, m;
    enum status s = op_values("Col2Im", 1, in[1], dims, SPATIAL_MAX, &n, err);
    if (s == OK)
        s = op_values("Col2Im", 2, in[2], block, SPATIAL_MAX, &m, err);
    if (s != OK)
        return s;
    if (x->rank != 3)
        return op_bad("Col2Im", 0, x, "[batch,channels times block,blocks]", err);
    if (n != m || n < 1)
        return op_bad("Col2Im", 2, in[2], "one extent for each dim of the image", err);
    *image = (struct tensor){.dtype = x->dtype, .rank = n + 2, .dims = {x->dims[0]}};
    for (int d = 0; d < n; d++) {
        image->dims[d + 2] = dims[d];
        if (dims[d] < 1 || __builtin_mul_overflow(places, block[d], &places) || places < 1)
            return op_bad("Col2Im", 1, in[1], "extents of at least 1 that blocks of such fit", err);
    }
    s = window_place(&p->window, "Col2Im", image, block, at, err);
    if (s != OK)
        return s;
    image->dims[1] = x->dims[1] / places;
    for (int d = 0; d < SPATIAL_MAX; d++)
        if (__builtin_mul_overflow(blocks, at->out[d], &blocks))
            blocks = -1;
    if (x->dims[1] % places != 0 || x->dims[2] != blocks)
        return op_bad("Col2Im", 0, x, "as many columns and rows as the blocks have", err);
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    struct tensor image;
    struct placed_window at;
    enum status s = op_operands(ctx, "Col2Im", 3, err);
    if (s == OK && !dtype_is_float(ctx->in[0]->dtype) && !dtype_is_int(ctx->in[0]->dtype))
        s = op_no_kernel("Col2Im", 0, ctx->in[0], err);
    for (int i = 1; i < 3 && s == OK; i++)
        s = op_known(ctx, i, err);
    if (s == OK)
        s = describe(ctx->params, ctx->in, &image, &at, err);
    return s == OK ? op_output(ctx, 0, "Col2Im", image.dtype, image.rank, image.dims, err) : s;
}

static void add(const struct tensor *y, int64_t to, const struct tensor *x, int64_t from)
{
    if (x->dtype == DT_F32)
        ((float *)y->data)[to] += ((const float *)x->data)[from];
    else if (dtype_is_float(x->dtype))
        element_set_f64(y, to, tensor_get_f64(y, to) + tensor_get_f64(x, from));
    else
        element_set_i64(
            y, to, (int64_t)((uint64_t)tensor_get_i64(y, to) + (uint64_t)tensor_get_i64(x, from)));
}

/* One row of the columns: kernel place k of all blocks, into the image that begins at `to`. */
static void add_row(const struct placed_window *w, const int64_t k[3], const struct tensor *x,
                    int64_t from, const struct tensor *y, int64_t to)
{
    int64_t i[3], at[3];
    for (i[0] = 0; i[0] < w->out[0]; i[0]++)
        for (i[1] = 0; i[1] < w->out[1]; i[1]++)
            for (i[2] = 0; i[2] < w->out[2]; i[2]++, from++) {
                bool inside = true;
                for (int d = 0; d < 3; d++) {
                    at[d] = i[d] * w->stride[d] + k[d] * w->dilation[d] - w->pad[d];
                    inside &= at[d] >= 0 && at[d] < w->in[d];
                }
                if (inside)
                    add(y, to + (at[0] * w->in[1] + at[1]) * w->in[2] + at[2], x, from);
            }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    struct tensor image;
    struct placed_window w;
    enum status s = describe(ctx->params, ctx->in, &image, &w, err);
    if (s == OK && !shape_same(&image, y))
        return err_set(err, E_BAD_INPUT, "Col2Im: the image is not the one that was planned");
    if (s != OK || tensor_count(y) == 0)
        return s;
    memset(y->data, 0, (size_t)tensor_count(y) * dtype_bytes(y->dtype));
    int64_t size = op_span(y->dims, 2, y->rank), planes = y->dims[0] * y->dims[1], from = 0, k[3];
    for (int64_t plane = 0; plane < planes; plane++)
        for (k[0] = 0; k[0] < w.kernel[0]; k[0]++)
            for (k[1] = 0; k[1] < w.kernel[1]; k[1]++)
                for (k[2] = 0; k[2] < w.kernel[2]; k[2]++, from += x->dims[2])
                    add_row(&w, k, x, from, y, plane * size);
    return OK;
}

const struct op op_col2im = {
    .domain = "",
    .name = "Col2Im",
    .code = OP_CODE_col2im,
    .since = {18},
    .types = OP_NUMBERS,
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
