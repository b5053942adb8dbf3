/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Direct convolution, blocked and plain. A unit is a band of output: its input stays in the
 * second-level cache while all output channels pass over it, and a run of input blocks whose
 * weights fit the first-level cache passes over the whole band, so that weights are read from afar
 * once per band. An item is one or two output blocks of a unit.
 *
 * The positions of a row are cut into tiles. Tiles that read across the image's edge are scattered
 * ones or read a copy with zeros beside it. Where rows are too narrow to fill a tile, all are
 * scattered, and a tile goes on in the next row. */
#include "kernels/blocked_priv.h"
#include "kernels/isa/tile_run.h"

enum {
    CHUNK_BYTES = 18 * 1024, /* of weights that stay near while a band passes */
    STRIP = 4096,            /* floats of a strip at most, */
    STRIP_KERNEL = 5         /* columns of a kernel that pays for it, see below */
};

/* What the rows of a band share. */
struct band {
    const struct block_conv *c;
    const struct block_bands *b;
    int64_t image, row, rows, column, columns; /* output rows [row, row + rows), likewise columns */
    int64_t x_plane, y_plane;                  /* floats of one block */
    int64_t pixel;                             /* floats from pixel to pixel of x */
    bool narrow;                               /* tiles go on in the next row */
    struct tile tile;                          /* of the chunk in work */
    int64_t tiles;                             /* of a chunk, more or less */
    struct tile_kind kind;
};

/* What a chunk passes over: x and sum as they lead to the blocks' first pixel. */
struct chunk {
    const float *x, *w, *sum;
    float *y;
};

/* Output positions [at, to), counted through all rows, as far as one tile goes; each has a place of
 * its own. */
static void scattered(struct band *d, const struct chunk *k, int64_t at, int64_t to)
{
    const struct block_conv *c = d->c;
    struct tile *t = &d->tile;
    d->kind.scattered = true;
    d->kind.pixels = tile_pixels(at, to, tile_most(&d->kind));
    for (int p = 0; p < d->kind.pixels; p++) {
        int64_t row = (at + p) / d->b->columns, column = (at + p) % d->b->columns;
        t->place[p] =
            (struct tile_place){row * c->stride[0] - c->pad[0], column * c->stride[1] - c->pad[1]};
    }
    t->x = k->x;
    t->w = k->w;
    t->rows = c->kernel[0];
    t->y = k->y + at * BLOCK;
    t->sum = k->sum ? k->sum + at * BLOCK : NULL;
    ISA_NAME(tile_run)(t, &d->kind);
    tile_asked(t);
    d->kind.scattered = false;
}

/* How many of n positions from column `at` of the output on are a tile in a row: what reaches
 * beyond the image's sides is none, but for the first and the last position where tiles know of
 * sides. Plain tiles that are scattered are slow, so that a row is cut where it leaves the image;
 * blocked ones are quick enough, and are so as a whole. */
static int in_row(const struct band *d, int64_t at, int64_t n)
{
    const struct block_conv *c = d->c;
    const int64_t step = c->stride[1], side = TILE_SIDES && !d->kind.plain ? step : 0;
    const int64_t column = at * step - c->pad[1], reach = (c->kernel[1] - 1) * c->dilation[1];
    const int64_t room = d->b->in_columns - 1 - reach - column + side;
    if (column + side < 0 || room < 0)
        return 0;
    if ((n - 1) * step <= room)
        return (int)n;
    const int64_t fit = d->kind.plain ? room / step + 1 : 0;
    return (int)(fit > TILE_FEW ? fit / 2 * 2 : fit);
}

/* How many of n positions, whose first is not in a row, are scattered. */
static int64_t out_of_row(const struct band *d, int64_t at, int64_t n)
{
    int64_t i = d->kind.plain ? 1 : n;
    while (i < n && !in_row(d, at + i, n - i))
        i++;
    return i;
}

/* n floats, one beside the other. */
static void copy(float *to, const float *from, int64_t n)
{
    if (n < VEC) {
        for (int64_t i = 0; i < n; i++)
            to[i] = from[i];
        return;
    }
    for (int64_t i = 0; i < n - VEC; i += VEC)
        vec_store(to + i, vec_load(from + i));
    vec_store(to + n - VEC, vec_load(from + n - VEC));
}

/* Copies what a plain tile of n positions reads and reaches beyond the image's sides, with zeros
 * there, and lets the tile read that: with a large kernel, scattered tiles of the few positions
 * outside take as long as one of all. False: it is too much or too little. */
static bool strip_of(struct band *d, int64_t n, float to[STRIP + VEC])
{
    const struct block_conv *c = d->c;
    struct tile *t = &d->tile;
    const int64_t reach = (c->kernel[1] - 1) * c->dilation[1];
    const int64_t width = (n - 1) * c->stride[1] + reach + 1;
    const int64_t from = MAX(-t->column, (int64_t)0);
    const int64_t end = MIN(d->b->in_columns - t->column, width);
    if (c->kernel[1] < STRIP_KERNEL || t->rows * t->lanes > STRIP / width || from >= end)
        return false;
    const float *x = t->x;
    t->x = to;
    for (int64_t lane = 0; lane < t->lanes; lane++)
        for (int64_t i = 0; i < t->rows; i++, to += width) {
            for (int64_t j = 0; j < from; j += VEC) /* and more, which what follows overwrites */
                vec_store(to + j, vec_all(0));
            for (int64_t j = end; j < width; j += VEC)
                vec_store(to + j, vec_all(0));
            copy(to + from, x + lane * t->x_lane + i * t->x_row + from, end - from);
        }
    t->x_row = width;
    t->x_lane = t->rows * width;
    return true;
}

/* All tiles of output row `row`. */
static void one_row(struct band *d, const struct chunk *k, int64_t row)
{
    const struct block_conv *c = d->c;
    struct tile *t = &d->tile;
    int64_t from, to, top = row * c->stride[0] - c->pad[0];
    block_places(top, c->dilation[0], c->kernel[0], c->in[0], &from, &to);
    const int64_t in = from < to ? top + from * c->dilation[0] : 0;
    const int64_t x_row = t->x_row, x_lane = t->x_lane;
    float strip[STRIP + VEC];
    for (int64_t at = d->column; at < d->column + d->columns; at += d->kind.pixels) {
        const int n = tile_pixels(at, d->column + d->columns, tile_most(&d->kind));
        const int64_t position = row * d->b->columns + at;
        d->kind.pixels = in_row(d, at, n);
        t->column = at * c->stride[1] - c->pad[1];
        t->rows = to - from;
        t->x = k->x + (in * d->b->in_columns + t->column) * d->pixel;
        if (d->kind.plain && d->kind.pixels < n && strip_of(d, n, strip))
            d->kind.pixels = n;
        if (!d->kind.pixels) {
            scattered(d, k, position, position + out_of_row(d, at, n));
            continue;
        }
        t->across = (d->kind.pixels - 1) * c->stride[1];
        t->w = k->w + from * t->w_row;
        t->y = k->y + position * BLOCK;
        t->sum = k->sum ? k->sum + position * BLOCK : NULL;
        ISA_NAME(tile_run)(t, &d->kind);
        tile_asked(t);
        t->x_row = x_row;
        t->x_lane = x_lane;
    }
}

static void one_chunk(struct band *d, const struct chunk *k)
{
    if (!d->narrow) {
        for (int64_t row = d->row; row < d->row + d->rows; row++)
            one_row(d, k, row);
        return;
    }
    int64_t end = (d->row + d->rows) * d->b->columns;
    for (int64_t at = d->row * d->b->columns; at < end; at += d->kind.pixels)
        scattered(d, k, at, end);
}

/* Output block o of group g (and the next, when kind.blocks is 2). */
static void output_block(struct band *d, int64_t g, int64_t o)
{
    const struct block_conv *c = d->c;
    const int64_t places = c->kernel[0] * c->kernel[1];
    const bool plain = c->form == BLOCK_PLAIN;
    const int64_t lanes = plain ? c->in_c : BLOCK, blocks = plain ? 1 : c->in_blocks;
    const int64_t one = places * lanes * BLOCK; /* weights of an input block */
    const int64_t most = MAX(CHUNK_BYTES / (int64_t)sizeof(float) / one, 1);
    const int64_t chunks = MAX((blocks + most - 1) / most, 1);
    /* of one size: each asks for as much as it has itself */
    const int64_t chunk = (blocks + chunks - 1) / chunks;
    const int64_t at = (d->image * c->groups + g) * c->out_blocks + o;
    struct tile *t = &d->tile;
    t->bias = c->bias ? c->bias + (g * c->out_blocks + o) * BLOCK : NULL;
    t->w_next = blocks * one;
    for (int64_t i = 0; i < blocks; i += chunk) {
        t->blocks = MIN(chunk, blocks - i);
        t->first = i == 0;
        t->last = i + chunk >= blocks;
        const struct chunk k = {.x = c->x + ((d->image * c->groups + g) * blocks + i) * d->x_plane,
                                .w = c->w + ((g * c->out_blocks + o) * blocks + i) * one,
                                .sum = c->sum ? c->sum + at * d->y_plane : NULL,
                                .y = c->y + at * d->y_plane};
        tile_ask(t, &d->kind, k.w + (t->last ? d->kind.blocks * blocks - i : chunk) * one,
                 t->blocks * one / BLOCK, d->tiles);
        one_chunk(d, &k);
    }
}

static const float zeros[BLOCK];

/* What the tile has from the convolution alone. */
static void begin(struct band *d)
{
    const struct block_conv *c = d->c;
    const bool plain = c->form == BLOCK_PLAIN;
    const int64_t lanes = plain ? c->in_c : BLOCK;
    const int64_t tiles = (d->b->columns + TILE_PIXELS - 1) / TILE_PIXELS;
    d->pixel = plain ? 1 : BLOCK;
    d->x_plane = d->b->in_rows * d->b->in_columns * lanes;
    d->y_plane = d->b->rows * d->b->columns * BLOCK;
    d->narrow = tiles < 3 && 4 * d->b->columns < 3 * tiles * TILE_FEW && !d->b->by_columns;
    d->kind.plain = plain;
    d->tiles = MAX(d->narrow ? d->rows * d->columns / TILE_FEW : d->rows * tiles, (int64_t)1);
    d->tile = (struct tile){.x_step = c->stride[1] * d->pixel,
                            .x_block = d->x_plane,
                            .x_row = c->dilation[0] * d->b->in_columns * d->pixel,
                            .x_column = c->dilation[1] * d->pixel,
                            .w_block = c->kernel[0] * c->kernel[1] * lanes * BLOCK,
                            .w_row = c->kernel[1] * lanes * BLOCK,
                            .columns = c->kernel[1],
                            .height = d->b->in_rows,
                            .width = d->b->in_columns,
                            .pixel = d->pixel,
                            .dilation = {c->dilation[0], c->dilation[1]},
                            .zeros = zeros,
                            .lanes = lanes,
                            .x_lane = plain ? c->in[0] * c->in[1] : 1,
                            .y_next = d->y_plane,
                            .epilogue = &c->epilogue};
}

/* An activation that tiles do not know, on what they stored in one output block. */
static void finish(const struct band *d, int64_t block)
{
    const struct block_conv *c = d->c;
    int64_t from = (d->row * d->b->columns + d->column) * BLOCK;
    int64_t n = d->b->by_columns ? d->columns * BLOCK : d->rows * d->b->columns * BLOCK;
    float *y = c->y + (d->image * c->groups * c->out_blocks + block) * d->y_plane;
    epilogue_f32(&c->epilogue, y + from, 0, NULL, n);
}

int64_t ISA_NAME(block_direct_items)(const struct block_conv *c)
{
    return c->groups * ((c->out_blocks + TILE_BLOCKS - 1) / TILE_BLOCKS);
}

void ISA_NAME(block_direct)(const struct block_conv *c, int64_t unit, int64_t item, int64_t to)
{
    struct block_bands b;
    block_bands_of(c, &b);
    int64_t at = unit % b.count * b.step;
    const int64_t most = TILE_BLOCKS, each = (c->out_blocks + most - 1) / most;
    struct band d = {.c = c, .b = &b, .image = unit / b.count, .rows = 1, .columns = b.columns};
    if (b.by_columns) {
        d.column = at;
        d.columns = MIN(b.step, b.columns - at);
    } else {
        d.row = at;
        d.rows = MIN(b.step, b.rows - at);
    }
    begin(&d);
    for (; item < to; item++) {
        int64_t g = item / each, o = item % each * most;
        d.kind.blocks = (int)MIN(most, c->out_blocks - o);
        output_block(&d, g, o);
        for (int i = 0; i < d.kind.blocks && !block_act_inline(c->epilogue.act); i++)
            finish(&d, g * c->out_blocks + o + i);
    }
}
