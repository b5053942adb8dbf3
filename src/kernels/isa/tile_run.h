/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Running rows of tiles. */
#ifndef ROOST_KERNELS_TILE_RUN_H
#define ROOST_KERNELS_TILE_RUN_H

#include "kernels/isa/tile.h"

struct tile_kind {
    int pixels, blocks; /* 1..tile_most, 1..TILE_BLOCKS */
    bool scattered, plain;
};

void ISA_NAME(tile_run)(const struct tile *t, const struct tile_kind *k);

/* Only the tiles that most of the work is in have all positions: those of TILE_BLOCKS blocks in a
 * row. Plain ones are scattered at the sides of an image alone. */
static inline int64_t tile_most(const struct tile_kind *k)
{
    if (k->scattered && k->plain)
        return TILE_EDGE;
    bool few = k->scattered || k->blocks < (int)TILE_BLOCKS;
    return few ? TILE_FEW : TILE_PIXELS;
}

/* Positions of the tile that begins at `at`, when `all` are cut into as few and as equal tiles of
 * at most `most` as can be: a short last one would leave most registers idle, one of TILE_FEW does
 * not. Long tiles are of an even number: a last one of an odd number is two of TILE_FEW at most. */
static inline int tile_pixels(int64_t at, int64_t all, int64_t most)
{
    int64_t left = all - at, tiles = (left + most - 1) / most;
    if (tiles > 1 && left % most == TILE_FEW)
        return (int)most;
    int64_t pixels = (left + tiles - 1) / tiles;
    if (pixels > TILE_FEW && pixels % 2 == 1)
        return (int)(tiles > 1 ? pixels - 1 : (pixels + 1) / 2);
    return (int)pixels;
}

/* Before tiles run whose weights come from afar: what is wanted after those, of n input channels
 * for each block, begins at w. Each of `tiles` asks for a part, for memory answers a few lines at a
 * time, and what is asked beyond those holds up a tile's own. Blocks that lie in one row are asked
 * for as one. */
static inline void tile_ask(struct tile *t, const struct tile_kind *k, const float *w, int64_t n,
                            int64_t tiles)
{
    const int64_t lanes = (BLOCK + tiles - 1) / tiles;
    const bool row = n * BLOCK == t->w_next;
    t->next = w;
    t->next_lanes = lanes;
    t->next_step = row ? lanes * BLOCK : t->w_next;
    t->next_on = (row ? k->blocks : 1) * lanes * BLOCK;
    t->next_left = (row ? k->blocks : 1) * n * BLOCK;
}

/* After a tile has run. */
static inline void tile_asked(struct tile *t)
{
    const int64_t n = t->next_on * t->blocks * t->rows * t->columns;
    t->next += n;
    t->next_left -= n;
    if (t->next_left <= 0)
        t->next_lanes = t->next_on = 0;
}

#endif
