/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Transposed convolution: a matrix product gives what every input position spreads over a kernel,
 * a strip of positions at a time, and the strip is added to the output where it lands. */
#include <string.h>

#include "base/checked.h"
#include "kernels/kernels_priv.h"

enum {
    STRIP_BYTES = 1 << 20, /* aimed size of the products */
    STRIP_MIN = 64         /* positions: fewer would repack the weights too often */
};

/* Input positions of a strip; rows: output channels of a group times kernel places. */
static int64_t strip_columns(const struct conv *c, int64_t rows)
{
    int64_t columns = STRIP_BYTES / (int64_t)sizeof(float) / MAX(rows, 1);
    return MIN(MAX(columns, STRIP_MIN), conv_in_size(c));
}

bool conv_transpose_f32_scratch(const struct conv *c, uint64_t *bytes)
{
    uint64_t rows = (uint64_t)(c->out_c / c->groups);
    for (int i = 0; i < 3; i++)
        if (!checked_mul(rows, (uint64_t)c->kernel[i], &rows) || rows > INT64_MAX)
            return false;
    return checked_mul(rows, (uint64_t)strip_columns(c, (int64_t)rows) * sizeof(float), bytes) &&
           *bytes <= INT64_MAX;
}

/* Adds one line of products (input columns [from, to)) to the output row they land in. */
static void add_run(const struct conv *c, const float *products, int64_t shift, int64_t from,
                    int64_t to, float *row)
{
    int64_t stride = c->stride[2];
    for (int64_t x = from; x < to; x++) {
        int64_t at = x * stride + shift;
        if (at >= 0 && at < c->out[2])
            row[at] += products[x - from];
    }
}

/* The products of one kernel place, positions [p0, p1) of the input, onto one output plane. */
static void add_place(const struct conv *c, const float *products, const int64_t place[3],
                      int64_t p0, int64_t p1, float *plane)
{
    int64_t width = c->in[2], shift = place[2] * c->dilation[2] - c->pad[2];
    for (int64_t p = p0; p < p1;) {
        int64_t line = p / width, x = p % width, to = MIN(width, x + (p1 - p));
        int64_t z = line / c->in[1] * c->stride[0] + place[0] * c->dilation[0] - c->pad[0];
        int64_t y = line % c->in[1] * c->stride[1] + place[1] * c->dilation[1] - c->pad[1];
        if (z >= 0 && z < c->out[0] && y >= 0 && y < c->out[1])
            add_run(c, products, shift, x, to, plane + (z * c->out[1] + y) * c->out[2]);
        products += to - x;
        p += to - x;
    }
}

static void one_group(const struct conv *c, int64_t image, int64_t group)
{
    int64_t per_group = c->out_c / c->groups, channels = c->in_c / c->groups, place[3];
    int64_t rows = per_group * conv_kernel_size(c), size = conv_in_size(c);
    int64_t step = strip_columns(c, rows);
    for (int64_t p0 = 0; p0 < size; p0 += step) {
        int64_t p1 = MIN(p0 + step, size);
        struct gemm g = {.m = rows, .n = p1 - p0, .k = channels, .alpha = 1, .trans_a = true};
        const float *products = g.y = c->scratch;
        g.a = c->w + group * channels * rows;
        g.b = c->x + (image * c->in_c + group * channels) * size + p0;
        g.lda = rows;
        g.ldb = size;
        g.ldy = p1 - p0;
        gemm_f32(&g);
        for (int64_t o = 0; o < per_group; o++) {
            float *plane = c->y + (image * c->out_c + group * per_group + o) * conv_out_size(c);
            for (place[0] = 0; place[0] < c->kernel[0]; place[0]++)
                for (place[1] = 0; place[1] < c->kernel[1]; place[1]++)
                    for (place[2] = 0; place[2] < c->kernel[2]; place[2]++) {
                        add_place(c, products, place, p0, p1, plane);
                        products += p1 - p0;
                    }
        }
    }
}

void conv_transpose_f32(const struct conv *c)
{
    int64_t size = conv_out_size(c);
    memset(c->y, 0, (size_t)(c->batch * c->out_c * size) * sizeof(c->y[0]));
    for (int64_t image = 0; image < c->batch; image++)
        for (int64_t group = 0; group < c->groups; group++)
            one_group(c, image, group);
    for (int64_t o = 0; c->bias && o < c->batch * c->out_c; o++)
        epilogue_f32(&c->epilogue, c->y + o * size, c->bias[o % c->out_c], NULL, size);
}

/* The input position that spreads to output `out` through kernel place k of dim d; -1: none. */
static int64_t source(const struct conv *c, int d, int64_t out, int64_t k)
{
    int64_t at = out + c->pad[d] - k * c->dilation[d];
    if (at < 0 || at % c->stride[d] != 0 || at / c->stride[d] >= c->in[d])
        return -1;
    return at / c->stride[d];
}

static float element(const struct conv *c, int64_t image, int64_t o, const int64_t out[3])
{
    int64_t per_group = c->out_c / c->groups, channels = c->in_c / c->groups, k[3];
    int64_t first = o / per_group * channels;
    float sum = c->bias ? c->bias[o] : 0;
    for (int64_t ch = first; ch < first + channels; ch++) {
        const float *w = c->w + (ch * per_group + o % per_group) * conv_kernel_size(c);
        const float *x = c->x + (image * c->in_c + ch) * conv_in_size(c);
        for (k[0] = 0; k[0] < c->kernel[0]; k[0]++)
            for (k[1] = 0; k[1] < c->kernel[1]; k[1]++)
                for (k[2] = 0; k[2] < c->kernel[2]; k[2]++, w++) {
                    int64_t z = source(c, 0, out[0], k[0]), y = source(c, 1, out[1], k[1]);
                    int64_t i = source(c, 2, out[2], k[2]);
                    if (z >= 0 && y >= 0 && i >= 0)
                        sum += *w * x[(z * c->in[1] + y) * c->in[2] + i];
                }
    }
    return sum;
}

void conv_transpose_f32_ref(const struct conv *c)
{
    int64_t size = conv_out_size(c);
    for (int64_t o = 0; o < c->batch * c->out_c; o++)
        for (int64_t p = 0; p < size; p++) {
            int64_t out[3] = {p / (c->out[1] * c->out[2]), p / c->out[2] % c->out[1],
                              p % c->out[2]};
            c->y[o * size + p] = element(c, o / c->out_c, o % c->out_c, out);
        }
}
