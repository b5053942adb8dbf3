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
 * at most `most` as can be: a short last one would leave most registers idle. Long tiles are of an
 * even number: a last one of an odd number is two of TILE_FEW at most. */
static inline int tile_pixels(int64_t at, int64_t all, int64_t most)
{
    int64_t left = all - at, tiles = (left + most - 1) / most;
    int64_t pixels = (left + tiles - 1) / tiles;
    if (pixels > TILE_FEW && pixels % 2 == 1)
        return (int)(tiles > 1 ? pixels - 1 : (pixels + 1) / 2);
    return (int)pixels;
}

/* Where weights come from afar, a tile asks for those of `next` floats on, while it computes: of
 * `tiles` that read the same ones, the nth asks for a block's share, or one for all. */
static inline void tile_ask(struct tile *t, int64_t next, int64_t nth, int64_t tiles)
{
    for (int b = 0; b < (int)TILE_BLOCKS; b++)
        t->ahead[b] = nth == b % tiles ? next + b * t->w_next : 0;
}

#endif
