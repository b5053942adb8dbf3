/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How a run of low precision is cut. Where windows reach beyond the image, or rows end within a
 * word, x is copied first with what is missing filled in, so that all positions are alike: tiles go
 * over them without looking where they lie. The copy is float32 where sums are made of it: of
 * bfloat16 without the instruction for it, and for the depthwise form. It is of numbers that the
 * products then read many times; to widen them there took a third of the products' time.
 *
 * An item is one or more output blocks by a band of positions, whose input stays in the
 * second-level cache while all output blocks pass over it. */
#include "kernels/narrow.h"

#include <string.h>

#include "base/checked.h"
#include "kernels/narrow_priv.h"
#include "tensor/tensor.h"

enum { BAND_BYTES = 256 * 1024 };

/* What x is to the tiles: as it was given, or the copy. */
struct source {
    bool copied;
    enum narrow_type type;
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

static enum narrow_kind kind_of(const struct narrow *c)
{
    const enum cpu_level level = cpu_level();
    if (c->form == NARROW_DEPTHWISE)
        return NARROW_SUM_DEEP;
    if (c->x.type == NARROW_U8)
        return level == CPU_AVX512 && cpu_has_vnni() ? NARROW_SUM_VNNI : NARROW_SUM_U8;
    bool dot = c->x.type == NARROW_BF16 && level == CPU_AVX512 && cpu_has_bf16();
    return dot ? NARROW_SUM_BF16 : NARROW_SUM_F32;
}

static struct source source_of(const struct narrow *c, enum narrow_kind kind)
{
    const int64_t word = narrow_word(c->x.type);
    const bool floats = kind == NARROW_SUM_F32 || kind == NARROW_SUM_DEEP;
    struct source s = {.rows = 1, .columns = c->in[1], .blocks = 1};
    s.type = floats ? NARROW_F32 : c->x.type;
    s.copied = s.type != c->x.type;
    if (c->form == NARROW_PRODUCT) {
        s.copied |= c->in_c % word != 0;
        s.pixel = narrow_words(c->x.type, c->in_c) * word * narrow_bytes(s.type);
        return s;
    }
    s.pixel = BLOCK_LANES * narrow_bytes(s.type);
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

/* As a level without instructions of its own needs it: artifacts say how much there is. */
bool narrow_scratch(const struct narrow *c, uint64_t *bytes)
{
    *bytes = 0;
    if (c->out[0] < 1 || c->out[1] < 1)
        return true;
    const struct source s = source_of(c, c->form == NARROW_DEPTHWISE ? NARROW_SUM_DEEP
                                         : c->x.type == NARROW_U8    ? NARROW_SUM_U8
                                                                     : NARROW_SUM_F32);
    if (!s.copied)
        return true;
    uint64_t row;
    return checked_mul((uint64_t)s.columns, (uint64_t)s.pixel, &row) &&
           checked_mul(row, (uint64_t)s.rows, bytes) &&
           checked_mul(*bytes, (uint64_t)s.blocks, bytes) && *bytes <= INT64_MAX;
}

static struct cut cut_of(const struct narrow *c)
{
    const enum narrow_kind kind = kind_of(c);
    struct cut k = {.x = source_of(c, kind),
                    .kind = kind,
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

/* n elements of x, from element `from` on. */
static void copy_run(const struct narrow *c, const struct source *s, int64_t from, int64_t n,
                     uint8_t *to)
{
    const int64_t bytes = narrow_bytes(c->x.type), whole = n - n % BLOCK_LANES;
    const uint8_t *x = (const uint8_t *)c->x.data + from * bytes;
    if (s->type == c->x.type) {
        memcpy(to, x, (size_t)(n * bytes));
        return;
    }
    ISA_PICK(narrow_widen)(&c->x, from, whole, (float *)(void *)to);
    for (int64_t i = whole; i < n; i++) { /* of a row of bfloat16 */
        uint16_t half;
        memcpy(&half, x + i * bytes, sizeof(half));
        ((float *)(void *)to)[i] = bf16_to_f32(half);
    }
}

/* Elements that mean 0. */
static void fill(const struct narrow *c, const struct source *s, int64_t n, uint8_t *to)
{
    const bool bytes = c->x.type == NARROW_U8;
    if (!bytes || s->type == NARROW_U8)
        memset(to, bytes ? c->x.zero : 0, (size_t)(n * narrow_bytes(s->type)));
    else
        for (int64_t i = 0; i < n; i++)
            ((float *)(void *)to)[i] = (float)c->x.zero;
}

/* Block `block` of an image, in its frame. */
static void copy_block(const struct narrow *c, const struct source *s, int64_t image, int64_t block)
{
    const int64_t row = c->in[1] * BLOCK_LANES, x = (image * s->blocks + block) * c->in[0] * row;
    const int64_t first = MIN(c->pad[1], s->columns), count = MIN(c->in[1], s->columns - first);
    uint8_t *to = (uint8_t *)c->scratch + block * s->rows * s->columns * s->pixel;
    for (int64_t i = 0; i < s->rows; i++, to += s->columns * s->pixel) {
        const int64_t from = i - c->pad[0];
        if (from < 0 || from >= c->in[0]) {
            fill(c, s, s->columns * BLOCK_LANES, to);
            continue;
        }
        fill(c, s, first * BLOCK_LANES, to);
        copy_run(c, s, x + from * row, count * BLOCK_LANES, to + first * s->pixel);
        fill(c, s, (s->columns - first - count) * BLOCK_LANES, to + (first + count) * s->pixel);
    }
}

static void copy(const struct narrow *c, const struct source *s, int64_t image, int64_t item)
{
    if (c->form != NARROW_PRODUCT) {
        copy_block(c, s, image, item);
        return;
    }
    const int64_t row = c->in_c * narrow_bytes(s->type);
    uint8_t *to = (uint8_t *)c->scratch + item * s->pixel;
    copy_run(c, s, item * c->in_c, c->in_c, to);
    memset(to + row, 0, (size_t)(s->pixel - row));
}

/* ---- products ---- */

/* What the tiles of an item share. */
struct run {
    const struct narrow *c;
    const struct cut *k;
    int64_t image, group, block, blocks; /* output blocks [block, block + blocks) of the group */
    struct narrow_tile tile;
    _Alignas(64) uint32_t sums[2 * NARROW_STRIP * BLOCK_LANES]; /* of two blocks, or flat */
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
    t->sums_block = (r->k->flat ? 1 : (int)NARROW_STRIP) * BLOCK_LANES;
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
        struct narrow_out o = {.sums = r->sums + b * r->tile.sums_block,
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

/* Where the next tile's positions begin; *row and *column go on to the next one's. */
static void place(struct run *r, int64_t count, int64_t *row, int64_t *column)
{
    const struct cut *k = r->k;
    const int64_t across = r->c->stride[1] * k->x.pixel;
    const int64_t down = r->c->stride[0] * k->x.columns * k->x.pixel;
    for (int64_t p = 0; p < k->shape.pixels; p++) {
        r->tile.at[p] = p < count ? *row * down + *column * across : r->tile.at[p - 1];
        if (p < count && ++*column == r->c->out[1]) {
            *column = 0;
            ++*row;
        }
    }
}

static void band(struct run *r, int64_t from, int64_t to)
{
    const struct cut *k = r->k;
    void (*const tile)(struct narrow_tile *, enum narrow_kind, bool) = ISA_PICK(narrow_tile);
    int64_t row = from / r->c->out[1], column = from % r->c->out[1];
    for (int64_t at = from; at < to; at += NARROW_STRIP) {
        const int64_t count = MIN(to - at, (int64_t)NARROW_STRIP);
        for (int64_t p = 0; p < count; p += k->shape.pixels) {
            r->tile.sums = r->sums + p * BLOCK_LANES;
            place(r, count - p, &row, &column);
            tile(&r->tile, k->kind, k->flat);
        }
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
    return c->batch * (source_of(c, kind_of(c)).copied ? 2 : 1);
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
