/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Direct convolution, blocked and plain. A unit is a band of output: its input stays in the
 * second-level cache while all output channels pass over it, and a run of input blocks whose
 * weights fit the first-level cache passes over the whole band, so that weights are read from afar
 * once per band. */
#include "kernels/blocked_priv.h"
#include "kernels/isa/tile_run.h"

enum { CHUNK_BYTES = 18 * 1024 }; /* of weights that stay near while a band passes */

/* What the rows of a band share. */
struct band {
    const struct block_conv *c;
    const struct block_bands *b;
    int64_t image, row, rows, column, columns; /* output rows [row, row + rows), likewise columns */
    int64_t x_plane, y_plane;                  /* floats of one block */
    struct tile tile;                          /* of the chunk in work */
    struct tile_kind kind;
};

/* Kernel rows that lie inside of the image for output row y: [*from, *to). */
static void kernel_rows(const struct block_conv *c, int64_t y, int64_t *from, int64_t *to)
{
    int64_t top = y * c->stride[0] - c->pad[0], step = c->dilation[0];
    *from = top >= 0 ? 0 : MIN((-top + step - 1) / step, c->kernel[0]);
    *to = top >= c->in[0] ? 0 : MIN((c->in[0] - top + step - 1) / step, c->kernel[0]);
    *to = MAX(*to, *from);
}

/* All tiles of one output row. x and y lead to column 0 of that row, pad included. */
static void one_row(struct band *d, const float *x, float *y, const float *sum)
{
    const struct block_conv *c = d->c;
    struct tile *t = &d->tile;
    int64_t reach = (c->kernel[1] - 1) * c->dilation[1];
    for (int64_t at = d->column; at < d->column + d->columns; at += d->kind.pixels) {
        d->kind.pixels = tile_pixels(at, d->column + d->columns);
        t->column = at * c->stride[1] - c->pad[1];
        int64_t last = t->column + (d->kind.pixels - 1) * c->stride[1] + reach;
        d->kind.edge = t->column < 0 || last >= t->width;
        t->x = x + t->column * (c->form == BLOCK_PLAIN ? 1 : BLOCK);
        t->y = y + at * BLOCK;
        t->sum = sum ? sum + at * BLOCK : NULL;
        ISA_NAME(tile_run)(t, &d->kind);
    }
}

/* The band's rows for one chunk of input blocks and one or two output blocks. */
static void one_chunk(struct band *d, const float *x, float *y, const float *sum)
{
    const struct block_conv *c = d->c;
    struct tile *t = &d->tile;
    int64_t pixel = c->form == BLOCK_PLAIN ? 1 : BLOCK;
    const float *w = t->w;
    for (int64_t row = d->row; row < d->row + d->rows; row++) {
        int64_t from, to;
        kernel_rows(c, row, &from, &to);
        int64_t in = from < to ? row * c->stride[0] - c->pad[0] + from * c->dilation[0] : 0;
        t->rows = to - from;
        t->w = w + from * t->w_row;
        int64_t out = row * d->b->columns * BLOCK;
        one_row(d, x + in * d->b->in_columns * pixel, y + out, sum ? sum + out : NULL);
    }
    t->w = w;
}

/* Output block o of group g (and the next, when kind.blocks is 2). */
static void output_block(struct band *d, int64_t g, int64_t o)
{
    const struct block_conv *c = d->c;
    const int64_t places = c->kernel[0] * c->kernel[1];
    const bool plain = c->form == BLOCK_PLAIN;
    const int64_t lanes = plain ? c->in_c : BLOCK, blocks = plain ? 1 : c->in_blocks;
    const int64_t one = places * lanes * BLOCK; /* weights of an input block */
    const int64_t chunk = MAX(CHUNK_BYTES / (int64_t)sizeof(float) / one, 1);
    const int64_t at = (d->image * c->groups + g) * c->out_blocks + o;
    struct tile *t = &d->tile;
    t->bias = c->bias ? c->bias + (g * c->out_blocks + o) * BLOCK : NULL;
    t->w_next = blocks * one;
    const float *x = c->x + (d->image * c->groups + g) * blocks * d->x_plane;
    const float *sum = c->sum ? c->sum + at * d->y_plane : NULL;
    for (int64_t i = 0; i < blocks; i += chunk) {
        t->blocks = MIN(chunk, blocks - i);
        t->first = i == 0;
        t->last = i + chunk >= blocks;
        t->w = c->w + ((g * c->out_blocks + o) * blocks + i) * one;
        one_chunk(d, x + i * d->x_plane, c->y + at * d->y_plane, sum);
    }
}

static const float zeros[BLOCK];

/* What the tile has from the convolution alone. */
static void begin(struct band *d)
{
    const struct block_conv *c = d->c;
    const bool plain = c->form == BLOCK_PLAIN;
    const int64_t pixel = plain ? 1 : BLOCK, lanes = plain ? c->in_c : BLOCK;
    d->x_plane = d->b->in_rows * d->b->in_columns * (plain ? c->in_c : BLOCK);
    d->y_plane = d->b->rows * d->b->columns * BLOCK;
    d->kind.plain = plain;
    d->tile = (struct tile){.x_step = c->stride[1] * pixel,
                            .x_block = d->x_plane,
                            .x_row = c->dilation[0] * d->b->in_columns * pixel,
                            .x_column = c->dilation[1] * pixel,
                            .w_block = c->kernel[0] * c->kernel[1] * lanes * BLOCK,
                            .w_row = c->kernel[1] * lanes * BLOCK,
                            .columns = c->kernel[1],
                            .stride = c->stride[1],
                            .dilation = c->dilation[1],
                            .width = d->b->in_columns,
                            .zeros = zeros,
                            .lanes = lanes,
                            .x_lane = plain ? c->in[0] * c->in[1] : 1,
                            .y_next = d->y_plane,
                            .epilogue = &c->epilogue};
}

/* An activation that tiles do not know, on what they stored. */
static void finish(const struct band *d)
{
    const struct block_conv *c = d->c;
    int64_t blocks = c->groups * c->out_blocks;
    int64_t from = (d->row * d->b->columns + d->column) * BLOCK;
    int64_t n = d->b->by_columns ? d->columns * BLOCK : d->rows * d->b->columns * BLOCK;
    for (int64_t o = 0; o < blocks; o++)
        epilogue_f32(&c->epilogue, c->y + (d->image * blocks + o) * d->y_plane + from, 0, NULL, n);
}

void ISA_NAME(block_direct_unit)(const struct block_conv *c, int64_t unit)
{
    struct block_bands b;
    block_bands_of(c, &b);
    int64_t at = unit % b.count * b.step;
    struct band d = {.c = c, .b = &b, .image = unit / b.count, .rows = 1, .columns = b.columns};
    if (b.by_columns) {
        d.column = at;
        d.columns = MIN(b.step, b.columns - at);
    } else {
        d.row = at;
        d.rows = MIN(b.step, b.rows - at);
    }
    begin(&d);
    for (int64_t g = 0; g < c->groups; g++)
        for (int64_t o = 0; o < c->out_blocks; o += d.kind.blocks) {
            d.kind.blocks = (int)MIN((int64_t)TILE_BLOCKS, c->out_blocks - o);
            output_block(&d, g, o);
        }
    if (!block_act_inline(c->epilogue.act))
        finish(&d);
}
