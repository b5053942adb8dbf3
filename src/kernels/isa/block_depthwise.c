/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Depthwise convolution: every lane is a channel of its own, so that a kernel place is one product
 * of registers, and loading x is what bounds the work. Rows are cut into their edges, position by
 * position, and the inside, in tiles whose sums stay in registers; where the kernel is three
 * columns wide, each x of a tile is loaded once for the up to three sums that take it. A unit is
 * one block of one image. */
#include "kernels/blocked_priv.h"
#include "kernels/isa/tile.h"

enum { PIXELS = 4, LONG = 8, WIDE = 3 };

struct line {
    const struct block_conv *c;
    const float *x; /* the block of x, row 0 */
    const float *w; /* [kernel rows][kernel columns][16] */
    const float *bias;
    int64_t top, from, to; /* input row of kernel row 0; kernel rows [from, to) lie inside */
};

TILE_INLINE void begin(const struct line *l, const float *sum, vec acc[PIXELS][BLOCK_VECS],
                       int pixels)
{
    TILE_UNROLL
    for (int p = 0; p < pixels; p++)
        TILE_UNROLL
    for (int v = 0; v < BLOCK_VECS; v++) {
        acc[p][v] = l->bias ? vec_load(l->bias + v * VEC) : vec_all(0);
        if (sum)
            acc[p][v] += vec_load(sum + p * BLOCK + v * VEC);
    }
}

TILE_INLINE void end(const struct line *l, float *y, vec acc[PIXELS][BLOCK_VECS], int pixels)
{
    TILE_UNROLL
    for (int p = 0; p < pixels; p++)
        TILE_UNROLL
    for (int v = 0; v < BLOCK_VECS; v++)
        vec_store(y + p * BLOCK + v * VEC, tile_act(&l->c->epilogue, acc[p][v]));
}

/* Positions [column, column + pixels) that read inside the image alone, for kernel columns [a, b).
 */
TILE_INLINE void positions(const struct line *l, int64_t column, int64_t a, int64_t b, int pixels,
                           vec acc[PIXELS][BLOCK_VECS])
{
    const struct block_conv *c = l->c;
    int64_t left = column * c->stride[1] - c->pad[1], step = c->stride[1] * BLOCK;
    for (int64_t ky = l->from; ky < l->to; ky++) {
        int64_t row = (l->top + ky * c->dilation[0]) * c->in[1];
        for (int64_t kx = a; kx < b; kx++) {
            const float *x = l->x + (row + left + kx * c->dilation[1]) * BLOCK;
            const float *w = l->w + (ky * c->kernel[1] + kx) * BLOCK;
            TILE_UNROLL
            for (int v = 0; v < BLOCK_VECS; v++) {
                vec weight = vec_load(w + v * VEC);
                TILE_UNROLL
                for (int p = 0; p < pixels; p++)
                    acc[p][v] += weight * vec_load(x + p * step + v * VEC);
            }
        }
    }
}

static void edge(const struct line *l, int64_t column, float *y, const float *sum)
{
    const struct block_conv *c = l->c;
    int64_t a, b;
    block_places(column * c->stride[1] - c->pad[1], c->dilation[1], c->kernel[1], c->in[1], &a, &b);
    vec acc[PIXELS][BLOCK_VECS];
    begin(l, sum, acc, 1);
    positions(l, column, a, b, 1, acc);
    end(l, y, acc, 1);
}

static void inside(const struct line *l, int64_t column, float *y, const float *sum)
{
    vec acc[PIXELS][BLOCK_VECS];
    begin(l, sum, acc, PIXELS);
    positions(l, column, 0, l->c->kernel[1], PIXELS, acc);
    end(l, y, acc, PIXELS);
}

/* The same for three kernel columns, for a stride and a number of positions that the compiler
 * knows, one register at a time: so many sums that each has time to be ready for its next product.
 */
TILE_INLINE void inside_wide(const struct line *l, int64_t column, float *y, const float *sum,
                             const int stride, const int pixels)
{
    const struct block_conv *c = l->c;
    const float *left = l->x + (column * stride - c->pad[1]) * BLOCK;
    for (int v = 0; v < BLOCK; v += VEC) {
        vec acc[LONG], bias = l->bias ? vec_load(l->bias + v) : vec_all(0);
        TILE_UNROLL
        for (int p = 0; p < pixels; p++) {
            acc[p] = bias;
            if (sum)
                acc[p] += vec_load(sum + p * BLOCK + v);
        }
        for (int64_t ky = l->from; ky < l->to; ky++) {
            const float *x = left + (l->top + ky * c->dilation[0]) * c->in[1] * BLOCK + v;
            const float *w = l->w + ky * WIDE * BLOCK + v;
            vec weight[WIDE] = {vec_load(w), vec_load(w + BLOCK), vec_load(w + 2 * BLOCK)};
            ISA_UNROLL(32)
            for (int i = 0; i < (pixels - 1) * stride + WIDE; i++) {
                vec one = vec_load(x + i * BLOCK);
                TILE_UNROLL
                for (int kx = 0; kx < WIDE; kx++)
                    if (i >= kx && (i - kx) % stride == 0 && (i - kx) / stride < pixels)
                        acc[(i - kx) / stride] += one * weight[kx];
            }
        }
        TILE_UNROLL
        for (int p = 0; p < pixels; p++)
            vec_store(y + p * BLOCK + v, tile_act(&c->epilogue, acc[p]));
    }
}

static void short_1(const struct line *l, int64_t column, float *y, const float *sum)
{
    inside_wide(l, column, y, sum, 1, PIXELS);
}

static void long_1(const struct line *l, int64_t column, float *y, const float *sum)
{
    inside_wide(l, column, y, sum, 1, LONG);
}

static void short_2(const struct line *l, int64_t column, float *y, const float *sum)
{
    inside_wide(l, column, y, sum, 2, PIXELS);
}

static void long_2(const struct line *l, int64_t column, float *y, const float *sum)
{
    inside_wide(l, column, y, sum, 2, LONG);
}

typedef void inside_fn(const struct line *l, int64_t column, float *y, const float *sum);

/* Tiles of LONG positions (NULL: there are none) and of PIXELS. */
struct tiles {
    inside_fn *of_long, *of_pixels;
};

static struct tiles tiles_for(const struct block_conv *c)
{
    bool wide = c->kernel[1] == WIDE && c->dilation[1] == 1;
    if (wide && c->stride[1] == 1)
        return (struct tiles){long_1, short_1};
    if (wide && c->stride[1] == 2)
        return (struct tiles){long_2, short_2};
    return (struct tiles){NULL, inside};
}

/* Do positions [column, column + pixels) exist and read inside of the image? */
static bool fits(const struct block_conv *c, int64_t column, int64_t pixels)
{
    int64_t left = column * c->stride[1] - c->pad[1];
    int64_t last = left + (pixels - 1) * c->stride[1] + (c->kernel[1] - 1) * c->dilation[1];
    return left >= 0 && last < c->in[1] && column + pixels <= c->out[1];
}

/* One output row; y and sum lead to its column 0. */
static void one_row(const struct line *l, float *y, const float *sum)
{
    const struct block_conv *c = l->c;
    const struct tiles t = tiles_for(c);
    for (int64_t column = 0, step; column < c->out[1]; column += step) {
        const float *s = sum ? sum + column * BLOCK : NULL;
        inside_fn *tile = edge;
        step = 1;
        if (t.of_long && fits(c, column, LONG)) {
            tile = t.of_long;
            step = LONG;
        } else if (fits(c, column, PIXELS)) {
            tile = t.of_pixels;
            step = PIXELS;
        }
        tile(l, column, y + column * BLOCK, s);
    }
}

static void one_block(const struct block_conv *c, int64_t unit)
{
    int64_t block = unit % c->groups, row = c->out[1] * BLOCK, size = c->out[0] * row;
    float *y = c->y + unit * size;
    const float *sum = c->sum ? c->sum + unit * size : NULL;
    struct line l = {.c = c,
                     .x = c->x + unit * c->in[0] * c->in[1] * BLOCK,
                     .w = c->w + block * c->kernel[0] * c->kernel[1] * BLOCK,
                     .bias = c->bias ? c->bias + block * BLOCK : NULL};
    for (int64_t i = 0; i < c->out[0]; i++) {
        l.top = i * c->stride[0] - c->pad[0];
        block_places(l.top, c->dilation[0], c->kernel[0], c->in[0], &l.from, &l.to);
        one_row(&l, y + i * row, sum ? sum + i * row : NULL);
    }
    if (!block_act_inline(c->epilogue.act))
        epilogue_f32(&c->epilogue, y, 0, NULL, size);
}

void ISA_NAME(block_depthwise)(const struct block_conv *c, int64_t item, int64_t to)
{
    /* What was written last is still near, and the last blocks of x were: from the first one on, a
     * batch that is larger than the cache would push out each block right before it is read. */
    while (to-- > item)
        one_block(c, to);
}
