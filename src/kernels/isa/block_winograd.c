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

enum { PLACES = 36, SIDE = 4, PATCH = 6, CHUNK = 16 /* input blocks */ };

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

/* One patch of VEC lanes, pixels BLOCK and rows `row` floats apart, to its 36 places. */
TILE_INLINE void patch_in(const float *x, int64_t row, float *out, int64_t step)
{
    vec t[PATCH][PATCH], d[PATCH], u[PATCH];
    TILE_UNROLL
    for (int j = 0; j < PATCH; j++) {
        TILE_UNROLL
        for (int i = 0; i < PATCH; i++)
            d[i] = vec_load(x + i * row + j * BLOCK);
        transform_in(d, 1, u);
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

/* The pixels of a patch that reaches beyond the image, and 0 for those that lie there. x: the
 * block's first pixel. */
static void patch_at_edge(const struct block_conv *c, const float *x, int64_t row, int64_t column,
                          float to[PATCH * PATCH * BLOCK])
{
    for (int i = 0; i < PATCH * PATCH; i++) {
        const int64_t y = row + i / PATCH, at = column + i % PATCH;
        const bool in = y >= 0 && y < c->in[0] && at >= 0 && at < c->in[1];
        for (int v = 0; v < BLOCK; v += VEC)
            vec_store(to + i * BLOCK + v,
                      in ? vec_load(x + (y * c->in[1] + at) * BLOCK + v) : vec_all(0));
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
            float *out = r->v + (b * r->count + i) * BLOCK, edge[PATCH * PATCH * BLOCK];
            const float *from_x = x + (row * c->in[1] + column) * BLOCK;
            int64_t step = c->in[1] * BLOCK;
            if (row < 0 || column < 0 || row + PATCH > c->in[0] || column + PATCH > c->in[1]) {
                patch_at_edge(c, x, row, column, edge);
                from_x = edge;
                step = PATCH * BLOCK;
            }
            for (int v = 0; v < BLOCK; v += VEC)
                patch_in(from_x + v, step, out + v, r->v_step);
        }
    }
}

static int64_t block_steps(const struct block_conv *c)
{
    return (c->out_blocks + TILE_BLOCKS - 1) / TILE_BLOCKS;
}

/* M = U V at a place, for one or two output blocks: items [item, to) of 36 times block_steps. Some
 * input blocks pass over all tiles before the next ones do: their weights are near, and sums of few
 * products are exacter, which the transform back multiplies. */
static void products(const struct run *r, int64_t item, int64_t to)
{
    static const struct epilogue none = {ACT_NONE, 0, 0};
    const struct block_conv *c = r->c;
    const int64_t one = c->in_blocks * BLOCK * BLOCK, steps = block_steps(c);
    struct tile t = {.x_step = BLOCK,
                     .x_block = r->count * BLOCK,
                     .w_block = BLOCK * BLOCK,
                     .rows = 1,
                     .columns = 1,
                     .width = 1,
                     .w_next = one,
                     .y_next = r->count * BLOCK,
                     .last = true,
                     .epilogue = &none};
    struct tile_kind k = {0};
    const int64_t tiles = (r->count + TILE_PIXELS - 1) / TILE_PIXELS;
    for (; item < to; item++) {
        const int64_t place = item / steps, o = item % steps * TILE_BLOCKS;
        k.blocks = (int)MIN((int64_t)TILE_BLOCKS, c->out_blocks - o);
        for (int64_t b = 0; b < c->in_blocks; b += CHUNK) {
            t.blocks = MIN((int64_t)CHUNK, c->in_blocks - b);
            t.first = b == 0;
            t.w = c->w + (place * c->out_blocks + o) * one + b * t.w_block;
            const int64_t next =
                b + CHUNK < c->in_blocks ? CHUNK * t.w_block : k.blocks * one - b * t.w_block;
            tile_ask(&t, &k, t.w + next, t.blocks * BLOCK, tiles);
            for (int64_t at = 0; at < r->count; at += k.pixels) {
                k.pixels = tile_pixels(at, r->count, tile_most(&k));
                t.x = r->v + place * r->v_step + b * t.x_block + at * BLOCK;
                t.y = r->m + place * r->m_step + (o * r->count + at) * BLOCK;
                ISA_NAME(tile_run)(&t, &k);
                tile_asked(&t);
            }
        }
    }
}

/* What the patches of a block end with, in the lanes of one register. */
struct ends {
    const float *sum; /* as y; NULL: none */
    float *y;
    int64_t row; /* floats from one row of them to the next */
    vec bias, low, high;
};

/* One patch of VEC lanes from its 36 places, to `at` of y. */
TILE_INLINE void patch_out(const float *m, int64_t step, const struct ends *e, int64_t at)
{
    vec d[PATCH], t[SIDE][PATCH], u[SIDE];
    TILE_UNROLL
    for (int j = 0; j < PATCH; j++) {
        TILE_UNROLL
        for (int i = 0; i < PATCH; i++)
            d[i] = vec_load(m + (i * PATCH + j) * step);
        transform_out(d, 1, u);
        TILE_UNROLL
        for (int i = 0; i < SIDE; i++)
            t[i][j] = u[i];
    }
    TILE_UNROLL
    for (int i = 0; i < SIDE; i++) {
        transform_out(t[i], 1, u);
        TILE_UNROLL
        for (int j = 0; j < SIDE; j++) {
            const int64_t to = at + i * e->row + j * BLOCK;
            vec v = u[j] + e->bias;
            if (e->sum)
                v += vec_load(e->sum + to);
            vec_store(e->y + to, vec_clamp(v, e->low, e->high));
        }
    }
}

/* VEC lanes of the pixels that a patch has inside of the image. */
static void patch_copy(float *to, int64_t to_row, const float *from, int64_t from_row, int64_t rows,
                       int64_t columns)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            vec_store(to + i * to_row + j * BLOCK, vec_load(from + i * from_row + j * BLOCK));
}

/* All patches of block b, lanes [v, v + VEC) of it. Those that reach beyond the image go through
 * memory of a whole one. */
static void outputs_of(const struct run *r, int64_t b, int v)
{
    enum { ROW = SIDE * BLOCK };
    const struct block_conv *c = r->c;
    const enum activation act = c->epilogue.act;
    const int64_t off = (r->image * c->out_blocks + b) * c->out[0] * c->out[1] * BLOCK + v;
    const struct ends e = {.sum = c->sum ? c->sum + off : NULL,
                           .y = c->y + off,
                           .row = c->out[1] * BLOCK,
                           .bias = c->bias ? vec_load(c->bias + b * BLOCK + v) : vec_all(0),
                           .low = vec_all(act == ACT_CLIP   ? c->epilogue.low
                                          : act == ACT_RELU ? 0
                                                            : -INFINITY),
                           .high = vec_all(act == ACT_CLIP ? c->epilogue.high : INFINITY)};
    float y[SIDE * ROW], sum[SIDE * ROW] = {0};
    const struct ends edge = {e.sum ? sum : NULL, y, ROW, e.bias, e.low, e.high};
    const float *m = r->m + b * r->count * BLOCK + v;
    for (int64_t i = r->from; i < r->from + r->count; i++, m += BLOCK) {
        const int64_t row = i / r->tiles.columns * SIDE, column = i % r->tiles.columns * SIDE;
        const int64_t rows = MIN(c->out[0] - row, (int64_t)SIDE);
        const int64_t columns = MIN(c->out[1] - column, (int64_t)SIDE);
        const int64_t at = row * e.row + column * BLOCK;
        const bool whole = rows == SIDE && columns == SIDE;
        if (!whole && e.sum)
            patch_copy(sum, ROW, e.sum + at, e.row, rows, columns);
        patch_out(m, r->m_step, whole ? &e : &edge, whole ? at : 0);
        if (!whole)
            patch_copy(e.y + at, e.row, y, ROW, rows, columns);
    }
}

/* Output blocks [from, to). */
static void outputs(const struct run *r, int64_t from, int64_t to)
{
    for (int64_t b = from; b < to; b++)
        for (int v = 0; v < BLOCK; v += VEC)
            outputs_of(r, b, v);
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
