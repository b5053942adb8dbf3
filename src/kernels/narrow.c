/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How a run of low precision is cut. Where windows reach beyond the image, or rows end within a
 * word, x is copied first with what is missing filled in, so that all positions are alike: tiles go
 * over them without looking where they lie. Of bfloat16 without the instruction for it the copy is
 * float32: it is of numbers that the products then read many times, and to widen them there took a
 * third of the products' time. The depthwise form reads each a few times, and widens it there.
 * Planes of a few channels become words, one after the other: in blocks most would be left over.
 *
 * An item is one or more output blocks by a band of positions, whose input stays in the
 * second-level cache while all output blocks pass over it (narrow_tiles.c). */
#include "kernels/narrow.h"

#include <string.h>

#include "base/checked.h"
#include "kernels/narrow_priv.h"
#include "tensor/tensor.h"

enum { BAND_BYTES = 256 * 1024 };

/* The extent that the windows of all positions read, along one dim. */
static int64_t reach(const struct narrow *c, int d)
{
    return (c->out[d] - 1) * c->stride[d] + (c->kernel[d] - 1) * c->dilation[d] + 1;
}

static struct narrow_source source_of(const struct narrow *c, enum narrow_kind kind)
{
    const int64_t word = narrow_word(c->x.type);
    struct narrow_source s = {.rows = 1, .columns = c->in[1], .blocks = 1};
    s.type = kind == NARROW_SUM_F32 ? NARROW_F32 : c->x.type;
    /* Registers of bytes go beyond the window. */
    s.copied = s.type != c->x.type || kind == NARROW_SUM_DEEP_VNNI;
    if (c->form == NARROW_PRODUCT) {
        s.pixel = narrow_words(c->x.type, c->in_c) * word * narrow_bytes(s.type);
        s.copied |= s.pixel != c->in_c * narrow_bytes(s.type);
        return s;
    }
    s.pixel = c->planes ? NARROW_PLANES_MOST : BLOCK_LANES * narrow_bytes(s.type);
    s.copied |= c->planes;
    s.blocks = c->groups * narrow_group_blocks(c);
    s.rows = c->in[0];
    for (int d = 0; d < 2; d++)
        s.copied |= c->pad[d] != 0 || reach(c, d) > c->in[d];
    if (s.copied) {
        s.rows = reach(c, 0);
        s.columns = reach(c, 1);
    }
    return s;
}

/* Are the words of all places few enough for a list, and near enough? */
static bool is_listed(const struct narrow *c, enum narrow_kind kind)
{
    const struct narrow_source x = source_of(c, kind);
    const int64_t words = narrow_words(c->x.type, c->in_c);
    const double plane = (double)x.rows * (double)x.columns * (double)x.pixel;
    return (double)narrow_runs(words) * (double)c->kernel[0] * (double)c->kernel[1] <=
               NARROW_LISTED_MOST &&
           plane * (double)x.blocks < UINT32_MAX;
}

static enum narrow_kind kind_of(const struct narrow *c)
{
    const bool most = cpu_level() == CPU_AVX512;
    if (c->form == NARROW_DEPTHWISE && c->x.type == NARROW_BF16)
        return most && cpu_has_bf16() ? NARROW_SUM_DEEP_BF16 : NARROW_SUM_DEEP;
    if (c->form == NARROW_DEPTHWISE)
        return most && cpu_has_vnni() && cpu_has_vbmi() && c->dilation[1] == 1
                   ? NARROW_SUM_DEEP_VNNI
                   : NARROW_SUM_DEEP;
    if (c->x.type == NARROW_U8)
        return most && cpu_has_vnni() && is_listed(c, NARROW_SUM_VNNI) ? NARROW_SUM_VNNI
                                                                       : NARROW_SUM_U8;
    const bool dot = c->x.type == NARROW_BF16 && most && cpu_has_bf16();
    return dot && is_listed(c, NARROW_SUM_BF16) ? NARROW_SUM_BF16 : NARROW_SUM_F32;
}

/* A single row has a kernel of its own where the processor has the instruction for it: it takes
 * output blocks one by one, and x as it is. */
static bool is_row(const struct narrow *c)
{
    if (c->form != NARROW_PRODUCT || c->out[1] != 1 || cpu_level() != CPU_AVX512)
        return false;
    return c->x.type == NARROW_U8 ? cpu_has_vnni() : c->x.type == NARROW_BF16 && cpu_has_bf16();
}

/* As a level without instructions of its own needs it: artifacts say how much there is. */
bool narrow_scratch(const struct narrow *c, uint64_t *bytes)
{
    *bytes = 0;
    if (c->out[0] < 1 || c->out[1] < 1)
        return true;
    const bool whole = c->x.type == NARROW_U8 && c->form != NARROW_DEPTHWISE;
    const struct narrow_source s = source_of(c, whole ? NARROW_SUM_U8 : NARROW_SUM_F32);
    if (!s.copied)
        return true;
    uint64_t row;
    return checked_mul((uint64_t)s.columns, (uint64_t)s.pixel, &row) &&
           checked_mul(row, (uint64_t)s.rows, bytes) &&
           checked_mul(*bytes, (uint64_t)s.blocks, bytes) && *bytes <= INT64_MAX;
}

/* Frames of one block are made by the items that read them, as many rows as stay in the first-level
 * cache: to write them for all positions first, and read them back, took a third of a depthwise
 * layer's time. A band is whole rows then, and whole tiles where that can be. */
static void cut_rows(const struct narrow *c, struct narrow_cut *k)
{
    const int64_t row = k->x.columns * k->x.pixel;
    const int64_t most = (NARROW_FRAME_BYTES - NARROW_LINE) / row;
    const int64_t window = (c->kernel[0] - 1) * c->dilation[0] + 1;
    if (!k->x.copied || c->form == NARROW_PRODUCT || narrow_group_blocks(c) > 1 || most < window)
        return;
    int64_t rows = MIN((most - window) / c->stride[0] + 1, c->out[0]);
    if (rows < c->out[0] && rows * c->stride[0] < window)
        return; /* most rows would be copied several times */
    const int64_t bands = (c->out[0] + rows - 1) / rows;
    rows = (c->out[0] + bands - 1) / bands;
    for (int64_t more = rows; more < 2 * rows; more++)
        if (more * c->out[1] % k->shape.pixels == 0 && (more - 1) * c->stride[0] + window <= most) {
            rows = more;
            break;
        }
    k->local = true;
    k->columns = c->out[1];
    k->step = rows * c->out[1];
    k->bands = (c->out[0] + rows - 1) / rows;
}

/* Bands of one size and of whole tiles. */
static void cut_positions(const struct narrow *c, struct narrow_cut *k)
{
    const double group = (double)(k->x.pixel * narrow_group_blocks(c));
    const double each = c->form == NARROW_PRODUCT ? (double)k->x.pixel
                                                  : group * (double)(c->stride[0] * c->stride[1]);
    const double fit = MAX(BAND_BYTES / each, 8.0 * k->shape.pixels);
    k->step = fit < (double)k->positions ? (int64_t)fit : k->positions;
    k->bands = k->step ? (k->positions + k->step - 1) / k->step : 0;
    if (k->bands)
        k->step = (k->positions + k->bands - 1) / k->bands;
    k->step += k->shape.pixels - 1;
    k->step -= k->step % k->shape.pixels;
    k->bands = k->step ? (k->positions + k->step - 1) / k->step : 0;
}

static struct narrow_cut cut_of(const struct narrow *c)
{
    const enum narrow_kind kind = kind_of(c);
    struct narrow_cut k = {.x = source_of(c, kind),
                           .kind = kind,
                           .shape = narrow_shape_of(cpu_level()),
                           .positions = c->out[0] * c->out[1],
                           .step = 1,
                           .bands = 1};
    /* Where no window has neighbours, rows follow each other. */
    const bool dense = c->out[1] == k.x.columns && c->stride[0] == 1 && c->stride[1] == 1;
    k.columns = dense ? k.positions : c->out[1];
    k.flat = c->form == NARROW_PRODUCT && k.positions == 1 && cpu_level() != CPU_GENERIC;
    if (k.flat)
        k.shape = (struct narrow_shape){1, NARROW_BLOCKS_MOST};
    else
        cut_positions(c, &k);
    if (c->form == NARROW_DEPTHWISE)
        k.shape.blocks = 1;
    k.each = (c->out_blocks + k.shape.blocks - 1) / k.shape.blocks;
    cut_rows(c, &k);
    return k;
}

/* ---- the copy ---- */

/* n elements of x, from element `from` on. */
static void copy_run(const struct narrow *c, const struct narrow_source *s, int64_t from, int64_t n,
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
static void fill(const struct narrow *c, const struct narrow_source *s, int64_t n, uint8_t *to)
{
    const bool bytes = c->x.type == NARROW_U8;
    if (!bytes || s->type == NARROW_U8)
        memset(to, bytes ? c->x.zero : 0, (size_t)(n * narrow_bytes(s->type)));
    else
        for (int64_t i = 0; i < n; i++)
            ((float *)(void *)to)[i] = (float)c->x.zero;
}

/* n pixels of row `row` of an image's planes; of channels that are none, to which weights are 0,
 * the last one. */
static void join_planes(const struct narrow *c, int64_t image, int64_t row, int64_t n, uint8_t *to)
{
    const uint8_t *x[NARROW_PLANES_MOST];
    for (int64_t i = 0; i < NARROW_PLANES_MOST; i++) {
        const int64_t plane = image * c->in_c + MIN(i, c->in_c - 1);
        x[i] = (const uint8_t *)c->x.data + (plane * c->in[0] + row) * c->in[1];
    }
    for (int64_t k = 0; k < n; k++, to += NARROW_PLANES_MOST) {
        to[0] = x[0][k];
        to[1] = x[1][k];
        to[2] = x[2][k];
        to[3] = x[3][k];
    }
}

void narrow_frame(const struct narrow *c, const struct narrow_source *s, int64_t block,
                  int64_t first, int64_t count, uint8_t *to)
{
    const int64_t lanes = s->pixel / narrow_bytes(s->type);
    const int64_t row = c->in[1] * lanes, x = block * c->in[0] * row;
    const int64_t left = MIN(c->pad[1], s->columns), inside = MIN(c->in[1], s->columns - left);
    for (int64_t i = first; i < first + count; i++, to += s->columns * s->pixel) {
        const int64_t from = i - c->pad[0];
        if (from < 0 || from >= c->in[0]) {
            fill(c, s, s->columns * lanes, to);
            continue;
        }
        fill(c, s, left * lanes, to);
        if (c->planes)
            join_planes(c, block, from, inside, to + left * s->pixel);
        else
            copy_run(c, s, x + from * row, inside * lanes, to + left * s->pixel);
        fill(c, s, (s->columns - left - inside) * lanes, to + (left + inside) * s->pixel);
    }
}

static void copy(const struct narrow *c, const struct narrow_source *s, int64_t image, int64_t item)
{
    if (c->form != NARROW_PRODUCT) {
        narrow_frame(c, s, image * s->blocks + item, 0, s->rows,
                     (uint8_t *)c->scratch + item * s->rows * s->columns * s->pixel);
        return;
    }
    const int64_t row = c->in_c * narrow_bytes(s->type);
    uint8_t *to = (uint8_t *)c->scratch + item * s->pixel;
    copy_run(c, s, item * c->in_c, c->in_c, to);
    memset(to + row, 0, (size_t)(s->pixel - row));
}

/* ---- phases: of each image the copy, where there is one, and the products ---- */

static bool copies(const struct narrow_cut *k)
{
    return k->x.copied && !k->local;
}

static int64_t phases_of(const struct narrow *c, const struct narrow_cut *k)
{
    return c->batch * (copies(k) ? 2 : 1);
}

static bool is_copy(const struct narrow_cut *k, int64_t phase)
{
    return copies(k) && phase % 2 == 0;
}

static int64_t items_of(const struct narrow *c, const struct narrow_cut *k, int64_t phase)
{
    if (is_copy(k, phase))
        return c->form == NARROW_PRODUCT ? k->positions : k->x.blocks;
    return k->bands * c->groups * k->each;
}

static void part_of(const struct narrow *c, const struct narrow_cut *k, int64_t phase, int64_t from,
                    int64_t to)
{
    const int64_t image = copies(k) ? phase / 2 : phase;
    if (!is_copy(k, phase)) {
        narrow_products(c, k, image, from, to);
        return;
    }
    for (int64_t item = from; item < to; item++)
        copy(c, &k->x, image, item);
}

int64_t narrow_phases(const struct narrow *c)
{
    if (is_row(c))
        return 1;
    const struct narrow_cut k = cut_of(c);
    return phases_of(c, &k);
}

int64_t narrow_items(const struct narrow *c, int64_t phase)
{
    if (is_row(c))
        return c->out_blocks;
    const struct narrow_cut k = cut_of(c);
    return items_of(c, &k, phase);
}

void narrow_part(const struct narrow *c, int64_t phase, int64_t from, int64_t to)
{
    if (is_row(c)) {
        narrow_row(c, from, to);
        return;
    }
    const struct narrow_cut k = cut_of(c);
    part_of(c, &k, phase, from, to);
}

void narrow_run(const struct narrow *c)
{
    if (is_row(c)) {
        narrow_row(c, 0, c->out_blocks);
        return;
    }
    const struct narrow_cut k = cut_of(c);
    for (int64_t phase = 0; phase < phases_of(c, &k); phase++)
        part_of(c, &k, phase, 0, items_of(c, &k, phase));
}
