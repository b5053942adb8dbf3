/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Convolution by Winograd's F(4x4, 3x3): each 6 x 6 patch of the input becomes 36 numbers, whose
 * products with the kernel's 36 become 4 x 4 outputs: 36 products for what takes 144 directly. A
 * unit is a run of tiles of one image:
 *     V[36][in blocks][tiles][16]  from the input (places stand v_step apart),
 *     M[36][out blocks][tiles][16] = U V, 36 small matrix products by the tiles of tile.h,
 *     the output from M, with bias, sum and activation.
 * source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), 4.3 */
#include "kernels/blocked_priv.h"
#include "kernels/isa/tile_run.h"

enum { PLACES = 36, SIDE = 4, PATCH = 6 };

struct run {
    const struct block_conv *c;
    struct block_tiles tiles;
    int64_t image, from, count; /* tiles [from, from + count) of the image */
    float *v, *m;
    int64_t v_step, m_step; /* floats from place to place */
};

/* B' d, for six numbers that stand `step` apart. */
TILE_INLINE void transform_in(const vec *d, int64_t step, vec out[PATCH])
{
    vec d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step],
        d5 = d[5 * step];
    vec a = d4 - 4.0f * d2, b = d3 - 4.0f * d1, e = d4 - d2, f = 2.0f * (d3 - d1);
    out[0] = 4.0f * d0 - 5.0f * d2 + d4;
    out[1] = a + b;
    out[2] = a - b;
    out[3] = e + f;
    out[4] = e - f;
    out[5] = 4.0f * d1 - 5.0f * d3 + d5;
}

/* A' m, for six numbers that stand `step` apart. */
TILE_INLINE void transform_out(const vec *m, int64_t step, vec out[SIDE])
{
    vec a = m[step] + m[2 * step], b = m[step] - m[2 * step];
    vec e = m[3 * step] + m[4 * step], f = m[3 * step] - m[4 * step];
    out[0] = m[0] + a + e;
    out[1] = b + 2.0f * f;
    out[2] = a + 4.0f * e;
    out[3] = b + 8.0f * f + m[5 * step];
}

/* One patch of one block: lanes [v * VEC, ...) of it. x leads to the block's row 0. */
TILE_INLINE void patch_in(const struct run *r, const float *x, int64_t row, int64_t column,
                          float *out, int64_t step)
{
    const struct block_conv *c = r->c;
    vec d[PATCH][PATCH], t[PATCH][PATCH], u[PATCH];
    for (int i = 0; i < PATCH; i++) {
        int64_t y = row + i;
        bool in = y >= 0 && y < c->in[0];
        for (int j = 0; j < PATCH; j++) {
            int64_t at = column + j;
            d[i][j] = in && at >= 0 && at < c->in[1] ? vec_load(x + (y * c->in[1] + at) * BLOCK)
                                                     : vec_all(0);
        }
    }
    TILE_UNROLL
    for (int j = 0; j < PATCH; j++) {
        transform_in(&d[0][j], PATCH, u);
        TILE_UNROLL
        for (int i = 0; i < PATCH; i++)
            t[i][j] = u[i];
    }
    TILE_UNROLL
    for (int i = 0; i < PATCH; i++) {
        transform_in(t[i], 1, u);
        TILE_UNROLL
        for (int j = 0; j < PATCH; j++)
            vec_store(out + (i * PATCH + j) * step, u[j]);
    }
}

/* Input blocks [from, to). */
static void inputs(const struct run *r, int64_t from, int64_t to)
{
    const struct block_conv *c = r->c;
    int64_t plane = c->in[0] * c->in[1] * BLOCK;
    for (int64_t b = from; b < to; b++) {
        const float *x = c->x + (r->image * c->in_blocks + b) * plane;
        for (int64_t i = 0; i < r->count; i++) {
            int64_t at = r->from + i;
            int64_t row = at / r->tiles.columns * SIDE - c->pad[0];
            int64_t column = at % r->tiles.columns * SIDE - c->pad[1];
            float *out = r->v + (b * r->count + i) * BLOCK;
            for (int v = 0; v < BLOCK; v += VEC)
                patch_in(r, x + v, row, column, out + v, r->v_step);
        }
    }
}

static int64_t block_steps(const struct block_conv *c)
{
    return (c->out_blocks + TILE_BLOCKS - 1) / TILE_BLOCKS;
}

/* M = U V at a place, for one or two output blocks: items [item, to) of 36 times block_steps. */
static void products(const struct run *r, int64_t item, int64_t to)
{
    static const struct epilogue none = {ACT_NONE, 0, 0};
    const struct block_conv *c = r->c;
    const int64_t one = c->in_blocks * BLOCK * BLOCK, steps = block_steps(c);
    struct tile t = {.x_step = BLOCK,
                     .x_block = r->count * BLOCK,
                     .w_block = BLOCK * BLOCK,
                     .blocks = c->in_blocks,
                     .rows = 1,
                     .columns = 1,
                     .w_next = one,
                     .y_next = r->count * BLOCK,
                     .first = true,
                     .last = true,
                     .epilogue = &none};
    struct tile_kind k = {0};
    for (; item < to; item++) {
        const int64_t place = item / steps, o = item % steps * TILE_BLOCKS;
        const float *v = r->v + place * r->v_step;
        float *m = r->m + place * r->m_step + o * r->count * BLOCK;
        k.blocks = (int)MIN((int64_t)TILE_BLOCKS, c->out_blocks - o);
        t.w = c->w + (place * c->out_blocks + o) * one;
        for (int64_t at = 0; at < r->count; at += k.pixels) {
            k.pixels = tile_pixels(at, r->count, tile_most(&k));
            t.x = v + at * BLOCK;
            t.y = m + at * BLOCK;
            ISA_NAME(tile_run)(&t, &k);
        }
    }
}

/* One patch of one output block: lanes [v * VEC, ...). at: floats of y from the block's start. */
TILE_INLINE void patch_out(const struct run *r, const float *m, int64_t step, int64_t row,
                           int64_t column, int64_t lane, float *y, const float *sum, vec bias)
{
    const struct block_conv *c = r->c;
    vec d[PATCH][PATCH], t[SIDE][PATCH], u[SIDE];
    TILE_UNROLL
    for (int i = 0; i < PATCH; i++)
        TILE_UNROLL
    for (int j = 0; j < PATCH; j++)
        d[i][j] = vec_load(m + (i * PATCH + j) * step);
    TILE_UNROLL
    for (int j = 0; j < PATCH; j++) {
        transform_out(&d[0][j], PATCH, u);
        TILE_UNROLL
        for (int i = 0; i < SIDE; i++)
            t[i][j] = u[i];
    }
    for (int i = 0; i < SIDE && row + i < c->out[0]; i++) {
        transform_out(t[i], 1, u);
        for (int j = 0; j < SIDE && column + j < c->out[1]; j++) {
            int64_t at = ((row + i) * c->out[1] + column + j) * BLOCK + lane;
            vec v = u[j] + bias;
            if (sum)
                v += vec_load(sum + at);
            vec_store(y + at, tile_act(&c->epilogue, v));
        }
    }
}

/* Output blocks [from, to). */
static void outputs(const struct run *r, int64_t from, int64_t to)
{
    const struct block_conv *c = r->c;
    int64_t plane = c->out[0] * c->out[1] * BLOCK;
    for (int64_t b = from; b < to; b++) {
        int64_t off = (r->image * c->out_blocks + b) * plane;
        const float *sum = c->sum ? c->sum + off : NULL;
        for (int64_t i = 0; i < r->count; i++) {
            int64_t at = r->from + i;
            const float *m = r->m + (b * r->count + i) * BLOCK;
            for (int v = 0; v < BLOCK; v += VEC)
                patch_out(r, m + v, r->m_step, at / r->tiles.columns * SIDE,
                          at % r->tiles.columns * SIDE, v, c->y + off, sum,
                          c->bias ? vec_load(c->bias + b * BLOCK + v) : vec_all(0));
        }
    }
}

/* An activation that is not applied while storing, on the parts of rows that the tiles stored. */
static void finish(const struct run *r, int64_t from, int64_t to)
{
    const struct block_conv *c = r->c;
    int64_t plane = c->out[0] * c->out[1] * BLOCK;
    for (int64_t b = from; b < to; b++)
        for (int64_t at = r->from; at < r->from + r->count; at++) {
            int64_t row = at / r->tiles.columns * SIDE, column = at % r->tiles.columns * SIDE;
            int64_t wide = MIN((int64_t)SIDE, c->out[1] - column) * BLOCK;
            for (int64_t i = row; i < MIN(row + SIDE, c->out[0]); i++)
                epilogue_f32(&c->epilogue,
                             c->y + (r->image * c->out_blocks + b) * plane +
                                 (i * c->out[1] + column) * BLOCK,
                             0, NULL, wide);
        }
}

int64_t ISA_NAME(block_winograd_items)(const struct block_conv *c, int step)
{
    return step == 0 ? c->in_blocks : step == 1 ? PLACES * block_steps(c) : c->out_blocks;
}

void ISA_NAME(block_winograd)(const struct block_conv *c, int64_t phase, int64_t item, int64_t to)
{
    struct run r = {.c = c};
    int64_t unit = phase / BLOCK_WINOGRAD_STEPS;
    block_tiles_of(c, &r.tiles);
    r.image = unit / r.tiles.count;
    r.from = unit % r.tiles.count * r.tiles.step;
    r.count = MIN(r.tiles.step, r.tiles.rows * r.tiles.columns - r.from);
    r.v = c->scratch;
    r.v_step = block_place_step(c->in_blocks, r.count) * BLOCK;
    r.m_step = block_place_step(c->out_blocks, r.count) * BLOCK;
    r.m = r.v + PLACES * r.v_step;
    switch (phase % BLOCK_WINOGRAD_STEPS) {
    case 0:
        inputs(&r, item, to);
        break;
    case 1:
        products(&r, item, to);
        break;
    default:
        outputs(&r, item, to);
        if (!block_act_inline(c->epilogue.act))
            finish(&r, item, to);
    }
}
