/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One factor and one summand per channel of blocked tensors. */
#include "kernels/blocked_priv.h"
#include "kernels/isa/tile.h"

void ISA_NAME(block_scale_rows)(const struct block_scale *s)
{
    for (int64_t i = 0; i < s->batch * s->blocks; i++) {
        int64_t at = i % s->blocks * BLOCK;
        const float *x = s->x + i * s->plane * BLOCK;
        float *y = s->y + i * s->plane * BLOCK;
        vec scale[BLOCK_VECS], shift[BLOCK_VECS];
        TILE_UNROLL
        for (int v = 0; v < BLOCK_VECS; v++) {
            scale[v] = vec_load(s->scale + at + v * VEC);
            shift[v] = vec_load(s->shift + at + v * VEC);
        }
        for (int64_t k = 0; k < s->plane; k++) {
            TILE_UNROLL
            for (int v = 0; v < BLOCK_VECS; v++) {
                vec one = vec_load(x + k * BLOCK + v * VEC) * scale[v] + shift[v];
                vec_store(y + k * BLOCK + v * VEC, tile_act(&s->epilogue, one));
            }
        }
    }
}
