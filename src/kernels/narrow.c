/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How a run of low precision is cut. Where windows reach beyond the image, or rows end within a
 * word, x is copied first with what is missing filled in, so that all positions are alike: tiles go
 * over them without looking where they lie. A copy is of bytes that the products then read many
 * times.
 *
 * An item is one or more output blocks by a band of positions, whose input stays in the
 * second-level cache while all output blocks pass over it. */
#include "kernels/narrow.h"

#include <string.h>

#include "base/checked.h"
#include "kernels/narrow_priv.h"

enum { BAND_BYTES = 256 * 1024 };

/* What x is to the tiles: as it was given, or the copy. */
struct source {
    bool copied;
    int64_t rows, columns; /* of one block, of those that are read at least */
    int64_t pixel;         /* bytes from pixel to pixel */
    int64_t blocks;        /* of all groups */
};

/* How one image's positions are dealt out. */
struct cut {
    struct source x;
    enum narrow_kind kind;
    struct narrow_shape shape; /* of the tiles */
    bool flat;
    int64_t positions, step, bands; /* step: of a band */
    int64_t each;                   /* items of a band and group */
};

static int64_t group_blocks(const struct narrow *c)
{
    return c->form == NARROW_DEPTHWISE ? 1 : block_count(c->in_c);
}

/* The extent that the windows of all positions read, along one dim. */
static int64_t reach(const struct narrow *c, int d)
{
    return (c->out[d] - 1) * c->stride[d] + (c->kernel[d] - 1) * c->dilation[d] + 1;
}

static struct source source_of(const struct narrow *c)
{
    const int64_t bytes = narrow_bytes(c->x.type), word = narrow_word(c->x.type);
    struct source s = {.rows = 1, .columns = c->in[1], .blocks = 1};
    if (c->form == NARROW_PRODUCT) {
        s.copied = c->in_c % word != 0;
        s.pixel = narrow_words(c->x.type, c->in_c) * word * bytes;
        return s;
    }
    s.pixel = BLOCK_LANES * bytes;
    s.blocks = c->groups * group_blocks(c);
    s.rows = c->in[0];
    for (int d = 0; d < 2; d++)
        s.copied |= c->pad[d] != 0 || reach(c, d) > c->in[d];
    if (s.copied) {
        s.rows = reach(c, 0);
        s.columns = reach(c, 1);
    }
    return s;
}

bool narrow_scratch(const struct narrow *c, uint64_t *bytes)
{
    *bytes = 0;
    if (c->out[0] < 1 || c->out[1] < 1)
        return true;
    const struct source s = source_of(c);
    if (!s.copied)
        return true;
    uint64_t row;
    return checked_mul((uint64_t)s.columns, (uint64_t)s.pixel, &row) &&
           checked_mul(row, (uint64_t)s.rows, bytes) &&
           checked_mul(*bytes, (uint64_t)s.blocks, bytes) && *bytes <= INT64_MAX;
}

static enum narrow_kind kind_of(const struct narrow *c)
{
    const bool u8 = c->x.type == NARROW_U8, bf16 = c->x.type == NARROW_BF16;
    const enum cpu_level level = cpu_level();
    if (c->form == NARROW_DEPTHWISE)
        return u8 ? NARROW_SUM_U8_DEEP : NARROW_SUM_BF16_DEEP;
    if (u8)
        return level == CPU_AVX512 && cpu_has_vnni() ? NARROW_SUM_VNNI : NARROW_SUM_U8;
    if (bf16)
        return level == CPU_AVX512 && cpu_has_bf16() ? NARROW_SUM_DOT_BF16 : NARROW_SUM_BF16;
    return NARROW_SUM_F32;
}

static struct cut cut_of(const struct narrow *c)
{
    struct cut k = {.x = source_of(c),
                    .kind = kind_of(c),
                    .shape = narrow_shape_of(cpu_level()),
                    .positions = c->out[0] * c->out[1]};
    const double group = (double)(k.x.pixel * group_blocks(c));
    double each = c->form == NARROW_PRODUCT ? (double)k.x.pixel
                                            : group * (double)(c->stride[0] * c->stride[1]);
    k.flat = c->form == NARROW_PRODUCT && k.positions == 1 && cpu_level() != CPU_GENERIC;
    if (k.flat)
        k.shape = (struct narrow_shape){1, NARROW_BLOCKS_MOST};
    if (c->form == NARROW_DEPTHWISE)
        k.shape.blocks = 1;
    const double fit = MAX(BAND_BYTES / each, 8.0 * k.shape.pixels);
    k.step = fit < (double)k.positions ? (int64_t)fit : k.positions;
    k.bands = k.step ? (k.positions + k.step - 1) / k.step : 0;
    if (k.bands)
        k.step = (k.positions + k.bands - 1) / k.bands; /* of one size ... */
    k.step += k.shape.pixels - 1;
    k.step -= k.step % k.shape.pixels; /* ... and of whole tiles */
    k.bands = k.step ? (k.positions + k.step - 1) / k.step : 0;
    k.each = (c->out_blocks + k.shape.blocks - 1) / k.shape.blocks;
    return k;
}

/* ---- the copy ---- */

/* Block `block` of an image, in its frame. */
static void copy_block(const struct narrow *c, const struct source *s, int64_t image, int64_t block)
{
    const int fill = c->x.type == NARROW_U8 ? c->x.zero : 0;
    const int64_t row = c->in[1] * s->pixel, to_row = s->columns * s->pixel;
    const uint8_t *x = (const uint8_t *)c->x.data + (image * s->blocks + block) * c->in[0] * row;
    uint8_t *to = (uint8_t *)c->scratch + block * s->rows * to_row;
    int64_t first = MIN(c->pad[1], s->columns), count = MIN(c->in[1], s->columns - first);
    for (int64_t i = 0; i < s->rows; i++, to += to_row) {
        const int64_t from = i - c->pad[0];
        if (from < 0 || from >= c->in[0]) {
            memset(to, fill, (size_t)to_row);
            continue;
        }
        memset(to, fill, (size_t)(first * s->pixel));
        memcpy(to + first * s->pixel, x + from * row, (size_t)(count * s->pixel));
        memset(to + (first + count) * s->pixel, fill,
               (size_t)((s->columns - first - count) * s->pixel));
    }
}

static void copy(const struct narrow *c, const struct source *s, int64_t image, int64_t item)
{
    if (c->form != NARROW_PRODUCT) {
        copy_block(c, s, image, item);
        return;
    }
    const int64_t row = c->in_c * narrow_bytes(c->x.type);
    uint8_t *to = (uint8_t *)c->scratch + item * s->pixel;
    memcpy(to, (const uint8_t *)c->x.data + item * row, (size_t)row);
    memset(to + row, 0, (size_t)(s->pixel - row));
}

/* ---- products ---- */

/* What the tiles of an item share. */
struct run {
    const struct narrow *c;
    const struct cut *k;
    int64_t image, group, block, blocks; /* output blocks [block, block + blocks) of the group */
    struct narrow_tile tile;
};

/* What the tile has from the convolution alone. */
static void begin(struct run *r)
{
    const struct narrow *c = r->c;
    const struct source *s = &r->k->x;
    struct narrow_tile *t = &r->tile;
    const bool deep = c->form == NARROW_DEPTHWISE, rows = c->form == NARROW_PRODUCT;
    const int64_t plane = s->rows * s->columns * s->pixel, all = narrow_words(c->x.type, c->in_c);
    const int64_t places = c->kernel[0] * c->kernel[1];
    const int64_t w_block = places * (deep ? 1 : all) * BLOCK_LANES * (int64_t)sizeof(uint32_t);
    const uint8_t *x = s->copied ? c->scratch : c->x.data;
    t->x = x + ((s->copied ? 0 : r->image) * c->groups + r->group) * group_blocks(c) * plane;
    if (rows)
        t->x = x;
    t->rows = c->kernel[0];
    t->columns = c->kernel[1];
    t->x_row = c->dilation[0] * s->columns * s->pixel;
    t->x_column = c->dilation[1] * s->pixel;
    t->words = rows ? all : BLOCK_LANES / narrow_word(c->x.type);
    t->blocks = (all + t->words - 1) / t->words;
    t->last = all - (t->blocks - 1) * t->words;
    t->x_block = plane;
    for (int64_t b = 0; b < NARROW_BLOCKS_MOST; b++) {
        int64_t block = r->group * c->out_blocks + r->block + MIN(b, r->blocks - 1);
        t->w[b] = (const uint8_t *)c->w + block * w_block;
    }
}

/* The sums of positions [at, at + count) on their way out. */
static void finish(struct run *r, int64_t at, int64_t count)
{
    const struct narrow *c = r->c;
    for (int64_t b = 0; b < r->blocks; b++) {
        const int64_t block = r->group * c->out_blocks + r->block + b;
        struct narrow_out o = {.sums = r->tile.sums + b * r->k->shape.pixels * BLOCK_LANES,
                               .integers =
                                   r->k->kind == NARROW_SUM_U8 || r->k->kind == NARROW_SUM_VNNI,
                               .count = count,
                               .lanes = BLOCK_LANES,
                               .lane = block * BLOCK_LANES,
                               .step = BLOCK_LANES};
        o.to =
            ((r->image * c->groups * c->out_blocks + block) * r->k->positions + at) * BLOCK_LANES;
        if (c->form == NARROW_PRODUCT) {
            o.step = c->out_c;
            o.to = at * c->out_c + o.lane;
            o.lanes = MIN((int64_t)BLOCK_LANES, c->out_c - o.lane);
        }
        ISA_PICK(narrow_out)(&o, &c->end);
    }
}

static void band(struct run *r, int64_t from, int64_t to)
{
    const struct narrow *c = r->c;
    const struct cut *k = r->k;
    void (*const tile)(struct narrow_tile *, enum narrow_kind, bool) = ISA_PICK(narrow_tile);
    const int64_t across = c->stride[1] * k->x.pixel;
    const int64_t down = c->stride[0] * k->x.columns * k->x.pixel;
    int64_t row = from / c->out[1], column = from % c->out[1];
    for (int64_t at = from; at < to; at += k->shape.pixels) {
        const int64_t count = MIN(to - at, (int64_t)k->shape.pixels);
        for (int64_t p = 0; p < k->shape.pixels; p++) {
            r->tile.at[p] = p < count ? row * down + column * across : r->tile.at[p - 1];
            if (p < count && ++column == c->out[1]) {
                column = 0;
                row++;
            }
        }
        tile(&r->tile, k->kind, k->flat);
        finish(r, at, count);
    }
}

static void products(const struct narrow *c, const struct cut *k, int64_t image, int64_t item)
{
    const int64_t each = k->each, at = item / each / c->groups * k->step;
    struct run r = {.c = c,
                    .k = k,
                    .image = image,
                    .group = item / each % c->groups,
                    .block = item % each * k->shape.blocks};
    r.blocks = MIN((int64_t)k->shape.blocks, c->out_blocks - r.block);
    begin(&r);
    band(&r, at, MIN(at + k->step, k->positions));
}

/* ---- phases: of each image the copy, where there is one, and the products ---- */

int64_t narrow_phases(const struct narrow *c)
{
    return c->batch * (source_of(c).copied ? 2 : 1);
}

int64_t narrow_items(const struct narrow *c, int64_t phase)
{
    const struct cut k = cut_of(c);
    if (k.x.copied && phase % 2 == 0)
        return c->form == NARROW_PRODUCT ? k.positions : k.x.blocks;
    return k.bands * c->groups * k.each;
}

void narrow_part(const struct narrow *c, int64_t phase, int64_t from, int64_t to)
{
    const struct cut k = cut_of(c);
    const int64_t image = k.x.copied ? phase / 2 : phase;
    for (int64_t item = from; item < to; item++)
        if (k.x.copied && phase % 2 == 0)
            copy(c, &k.x, image, item);
        else
            products(c, &k, image, item);
}

void narrow_run(const struct narrow *c)
{
    int64_t phases = narrow_phases(c);
    for (int64_t phase = 0; phase < phases; phase++)
        narrow_part(c, phase, 0, narrow_items(c, phase));
}
