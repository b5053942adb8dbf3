/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the blocked kernels of all levels have in common: how a convolution is cut into units, the
 * choice of the level, and the activations that are applied behind it. */
#include "base/checked.h"
#include "kernels/block_pool.h"
#include "kernels/blocked_priv.h"

enum {
    BAND_BYTES = 512 * 1024,  /* of input that a unit reads: half of a second-level cache */
    TILE_BYTES = 1024 * 1024, /* of a Winograd unit's scratch, aimed at ... */
    TILES_MIN = 28,           /* ... but never fewer tiles: each unit reads all weights */
    TILE_SIDE = 4,
    WINOGRAD_PLACES = 36,
};

static bool one_row(const struct block_conv *c)
{
    bool point = c->form == BLOCK_DIRECT;
    for (int i = 0; i < 2; i++)
        point = point && c->kernel[i] == 1 && c->stride[i] == 1 && c->pad[i] == 0 &&
                c->in[i] == c->out[i];
    return point;
}

void block_bands_of(const struct block_conv *c, struct block_bands *b)
{
    int64_t channels = c->form == BLOCK_PLAIN ? c->in_c : c->in_blocks * BLOCK_LANES;
    double pixel = (double)channels * sizeof(float), row = pixel * (double)c->in[1];
    *b = (struct block_bands){
        .rows = c->out[0], .columns = c->out[1], .in_rows = c->in[0], .in_columns = c->in[1]};
    if (one_row(c)) {
        b->columns *= b->rows;
        b->in_columns *= b->in_rows;
        b->rows = b->in_rows = 1;
        b->by_columns = true;
        row = pixel;
    }
    int64_t all = b->by_columns ? b->columns : b->rows;
    double fit = BAND_BYTES / (row * (b->by_columns ? 1 : (double)c->stride[0]));
    b->step = fit < 1 ? 1 : fit > (double)all ? all : (int64_t)fit;
    b->count = b->step ? (all + b->step - 1) / b->step : 0;
    if (b->count)
        b->step = (all + b->count - 1) / b->count; /* bands of one size */
    if (b->step)
        b->count = (all + b->step - 1) / b->step; /* and none that is empty */
}

static int64_t tile_bytes(const struct block_conv *c)
{
    return (c->in_blocks + c->out_blocks) * BLOCK_LANES * WINOGRAD_PLACES * (int64_t)sizeof(float);
}

void block_tiles_of(const struct block_conv *c, struct block_tiles *t)
{
    t->rows = (c->out[0] + TILE_SIDE - 1) / TILE_SIDE;
    t->columns = (c->out[1] + TILE_SIDE - 1) / TILE_SIDE;
    int64_t all = t->rows * t->columns, each = tile_bytes(c);
    t->step = MIN(MAX(TILE_BYTES / MAX(each, 1), TILES_MIN), all);
    t->count = t->step ? (all + t->step - 1) / t->step : 0;
    if (t->count)
        t->step = (all + t->count - 1) / t->count;
    if (t->step)
        t->count = (all + t->step - 1) / t->step;
}

bool block_conv_scratch(const struct block_conv *c, uint64_t *bytes)
{
    *bytes = 0;
    if (c->form != BLOCK_WINOGRAD)
        return true;
    const uint64_t pixel = BLOCK_LANES * WINOGRAD_PLACES * sizeof(float);
    uint64_t blocks = (uint64_t)c->in_blocks + (uint64_t)c->out_blocks, pixels;
    if (c->out[0] > INT32_MAX || c->out[1] > INT32_MAX || blocks > INT32_MAX)
        return false;
    struct block_tiles t;
    block_tiles_of(c, &t);
    return checked_mul(blocks, (uint64_t)t.step, &pixels) && checked_add(pixels, 2, &pixels) &&
           checked_mul(pixels, pixel, bytes) && *bytes <= INT64_MAX;
}

int64_t block_conv_phases(const struct block_conv *c)
{
    if (c->form == BLOCK_DEPTHWISE)
        return 1;
    if (c->form == BLOCK_WINOGRAD) {
        struct block_tiles t;
        block_tiles_of(c, &t);
        return c->batch * t.count * BLOCK_WINOGRAD_STEPS;
    }
    struct block_bands b;
    block_bands_of(c, &b);
    return c->batch * b.count;
}

int64_t block_conv_items(const struct block_conv *c, int64_t phase)
{
    if (c->form == BLOCK_DEPTHWISE)
        return c->batch * c->groups;
    if (c->form == BLOCK_WINOGRAD)
        return ISA_PICK(block_winograd_items)(c, (int)(phase % BLOCK_WINOGRAD_STEPS));
    return ISA_PICK(block_direct_items)(c);
}

void block_conv_part(const struct block_conv *c, int64_t phase, int64_t from, int64_t to)
{
    if (c->form == BLOCK_DEPTHWISE)
        ISA_PICK(block_depthwise)(c, from, to);
    else if (c->form == BLOCK_WINOGRAD)
        ISA_PICK(block_winograd)(c, phase, from, to);
    else
        ISA_PICK(block_direct)(c, phase, from, to);
}

void block_conv_f32(const struct block_conv *c)
{
    int64_t phases = block_conv_phases(c);
    for (int64_t phase = 0; phase < phases; phase++)
        block_conv_part(c, phase, 0, block_conv_items(c, phase));
}

void block_max(const struct block_pool *p)
{
    ISA_PICK(block_max)(p);
}

void block_average(const struct block_pool *p)
{
    ISA_PICK(block_average)(p);
}

void block_scale_f32(const struct block_scale *s)
{
    ISA_PICK(block_scale_rows)(s);
    int64_t n = s->batch * s->blocks * s->plane * BLOCK_LANES;
    if (!block_act_inline(s->epilogue.act))
        epilogue_f32(&s->epilogue, s->y, 0, NULL, n);
}
