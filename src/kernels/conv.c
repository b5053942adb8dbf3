/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Convolution, one of three ways by shape:
 *   depthwise (one input channel per group): its own loops, conv_depthwise.c;
 *   pointwise (1x1, stride 1, no padding): a matrix product straight on the image;
 *   anything else: im2col + matrix product, a strip of output positions at a time, so that the
 *   unrolled strip stays in the second-level cache and the epilogue finds it there. */
#include <string.h>

#include "base/checked.h"
#include "kernels/kernels_priv.h"

enum {
    STRIP_BYTES = 1 << 20, /* aimed size of the unrolled strip */
    STRIP_MIN = 256,       /* columns: fewer would repack the weights too often */
    STRIP_ROUND = 16
};

enum conv_way conv_f32_way(const struct conv *c)
{
    if (c->in_c == c->groups)
        return CONV_DEPTHWISE;
    for (int i = 0; i < 3; i++)
        if (c->kernel[i] != 1 || c->stride[i] != 1 || c->pad[i] != 0 || c->in[i] != c->out[i])
            return CONV_IM2COL;
    return CONV_POINTWISE;
}

/* Columns of a strip: k is the rows of the unrolled matrix. */
static int64_t strip_columns(const struct conv *c, int64_t k)
{
    int64_t size = conv_out_size(c);
    int64_t columns = STRIP_BYTES / (int64_t)sizeof(float) / MAX(k, 1);
    columns = MAX(columns / STRIP_ROUND * STRIP_ROUND, STRIP_MIN);
    return MIN(columns, size);
}

bool conv_f32_scratch(const struct conv *c, uint64_t *bytes)
{
    *bytes = 0;
    if (conv_f32_way(c) != CONV_IM2COL)
        return true;
    uint64_t k = (uint64_t)(c->in_c / c->groups), n = 1;
    for (int i = 0; i < 3; i++)
        if (!checked_mul(k, (uint64_t)c->kernel[i], &k) || !checked_mul(n, (uint64_t)c->out[i], &n))
            return false;
    return k <= INT64_MAX && n <= INT64_MAX &&
           checked_mul(k, (uint64_t)strip_columns(c, (int64_t)k) * sizeof(float), bytes) &&
           *bytes <= INT64_MAX;
}

/* One output row's part of one unrolled row: positions [from, to) of that row, read at input row
 * `row` (NULL: the row lies in the padding), shifted by `shift` columns. */
static void unroll_run(const struct conv *c, const float *row, int64_t shift, int64_t from,
                       int64_t to, float *out)
{
    int64_t stride = c->stride[2], width = c->in[2];
    if (!row) {
        memset(out, 0, (size_t)(to - from) * sizeof(out[0]));
        return;
    }
    /* Columns x with 0 <= x * stride + shift < width are inside the image. */
    int64_t first = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
    int64_t last = shift >= width ? 0 : (width - shift + stride - 1) / stride;
    first = MIN(MAX(first, from), to);
    last = MIN(MAX(last, first), to);
    memset(out, 0, (size_t)(first - from) * sizeof(out[0]));
    if (stride == 1 && first < last) {
        memcpy(out + (first - from), row + first + shift, (size_t)(last - first) * sizeof(out[0]));
    } else {
        for (int64_t x = first; x < last; x++)
            out[x - from] = row[x * stride + shift];
    }
    memset(out + (last - from), 0, (size_t)(to - last) * sizeof(out[0]));
}

/* The input row that output row (z, y) reads at kernel place (kz, ky); NULL in the padding. */
static const float *input_row(const struct conv *c, const float *plane, const int64_t place[2],
                              int64_t z, int64_t y)
{
    int64_t iz = z * c->stride[0] - c->pad[0] + place[0] * c->dilation[0];
    int64_t iy = y * c->stride[1] - c->pad[1] + place[1] * c->dilation[1];
    if (iz < 0 || iz >= c->in[0] || iy < 0 || iy >= c->in[1])
        return NULL;
    return plane + (iz * c->in[1] + iy) * c->in[2];
}

/* Output positions [p0, p1) of one unrolled row: one input plane at one kernel place. */
static void unroll_row(const struct conv *c, const float *plane, const int64_t place[3], int64_t p0,
                       int64_t p1, float *out)
{
    int64_t width = c->out[2], shift = place[2] * c->dilation[2] - c->pad[2];
    for (int64_t p = p0; p < p1;) {
        int64_t line = p / width, x = p % width;
        int64_t to = MIN(width, x + (p1 - p));
        const float *row = input_row(c, plane, place, line / c->out[1], line % c->out[1]);
        unroll_run(c, row, shift, x, to, out);
        out += to - x;
        p += to - x;
    }
}

/* cols[k][p1 - p0] from the channels of one group. */
static void unroll(const struct conv *c, const float *x, int64_t p0, int64_t p1, float *cols)
{
    int64_t channels = c->in_c / c->groups, place[3];
    for (int64_t ch = 0; ch < channels; ch++)
        for (place[0] = 0; place[0] < c->kernel[0]; place[0]++)
            for (place[1] = 0; place[1] < c->kernel[1]; place[1]++)
                for (place[2] = 0; place[2] < c->kernel[2]; place[2]++) {
                    unroll_row(c, x + ch * conv_in_size(c), place, p0, p1, cols);
                    cols += p1 - p0;
                }
}

/* Bias, sum and activation on columns [p0, p1) of one group's output rows. */
static void finish(const struct conv *c, int64_t image, int64_t group, int64_t p0, int64_t p1)
{
    int64_t per_group = c->out_c / c->groups, size = conv_out_size(c);
    if (!c->bias && !c->sum && c->epilogue.act == ACT_NONE)
        return;
    for (int64_t o = group * per_group; o < (group + 1) * per_group; o++) {
        int64_t at = (image * c->out_c + o) * size + p0;
        epilogue_f32(&c->epilogue, c->y + at, c->bias ? c->bias[o] : 0, c->sum ? c->sum + at : NULL,
                     p1 - p0);
    }
}

static void one_group(const struct conv *c, bool pointwise, int64_t image, int64_t group)
{
    int64_t m = c->out_c / c->groups, channels = c->in_c / c->groups, size = conv_out_size(c);
    int64_t k = channels * conv_kernel_size(c);
    int64_t step = pointwise ? size : strip_columns(c, k);
    const float *x = c->x + (image * c->in_c + group * channels) * conv_in_size(c);
    for (int64_t p0 = 0; p0 < size; p0 += step) {
        int64_t p1 = MIN(p0 + step, size);
        if (!pointwise)
            unroll(c, x, p0, p1, c->scratch);
        struct gemm g = {.m = m, .n = p1 - p0, .k = k, .alpha = 1};
        g.a = c->w + group * m * k;
        g.lda = k;
        g.b = pointwise ? x : c->scratch;
        g.ldb = p1 - p0;
        g.y = c->y + (image * c->out_c + group * m) * size + p0;
        g.ldy = size;
        gemm_f32(&g);
        finish(c, image, group, p0, p1);
    }
}

void conv_f32(const struct conv *c)
{
    enum conv_way way = conv_f32_way(c);
    if (way == CONV_DEPTHWISE) {
        conv_f32_depthwise(c);
        return;
    }
    for (int64_t image = 0; image < c->batch; image++)
        for (int64_t group = 0; group < c->groups; group++)
            one_group(c, way == CONV_POINTWISE, image, group);
}
