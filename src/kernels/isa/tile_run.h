/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Running rows of tiles. */
#ifndef ROOST_KERNELS_TILE_RUN_H
#define ROOST_KERNELS_TILE_RUN_H

#include "kernels/isa/tile.h"

struct tile_kind {
    int pixels, blocks;    /* 1..TILE_PIXELS (TILE_FEW when scattered or plain), 1..TILE_BLOCKS */
    bool scattered, plain; /* plain tiles have one block */
};

void ISA_NAME(tile_run)(const struct tile *t, const struct tile_kind *k);

/* Positions of the tile that begins at `at`, when `all` are cut into as few and as equal tiles of
 * at most `most` as can be: a short last one would leave most registers idle. */
static inline int tile_pixels(int64_t at, int64_t all, int64_t most)
{
    int64_t left = all - at, tiles = (left + most - 1) / most;
    return (int)((left + tiles - 1) / tiles);
}

#endif
