/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The parts of a run of low precision. One function per level makes the sums of a tile, a few
 * positions by one or more blocks of 16 outputs, another takes them out; what runs which tile is
 * the same for all levels. */
#ifndef ROOST_KERNELS_NARROW_PRIV_H
#define ROOST_KERNELS_NARROW_PRIV_H

#include "kernels/blocked_priv.h"
#include "kernels/narrow.h"

enum {
    NARROW_PIXELS_MOST = 8,
    NARROW_BLOCKS_MOST = 4,
    NARROW_STRIP = 40, /* positions whose sums go out at once: whole tiles of every level */
};

/* How a tile's sums are made. */
enum narrow_kind {
    NARROW_SUM_U8,   /* bytes by int8, sums int32 */
    NARROW_SUM_F32,  /* float32 by bfloat16, sums float32, as are the rest's */
    NARROW_SUM_DEEP, /* depthwise: float32 by float32 */
    NARROW_SUM_VNNI, /* as U8, with the instruction for it: at the widest level only, as is ... */
    NARROW_SUM_BF16, /* bfloat16 by bfloat16 */
    NARROW_KINDS
};

/* A position's input begins at x + at[p], from where kernel places stand x_row and x_column bytes
 * apart, and in each of them `blocks` runs of `words` words (the last run: last), x_block bytes
 * apart. The weights of an output block are read from front to back. Depthwise: no runs, each place
 * 16 lanes. */
struct narrow_tile {
    const uint8_t *x;
    int64_t at[NARROW_PIXELS_MOST];
    const uint8_t *w[NARROW_BLOCKS_MOST];
    int64_t rows, columns, x_row, x_column;
    int64_t blocks, words, last, x_block;
    uint32_t *sums; /* [position][16], 64-byte aligned; of the next output block: sums_block on */
    int64_t sums_block;
};

/* Positions by output blocks that tiles have: pixels by blocks, or, `flat` (from CPU_AVX2 on, not
 * depthwise), one by NARROW_BLOCKS_MOST. All are computed: at and w of those that are not wanted
 * repeat others. */
struct narrow_shape {
    int pixels, blocks;
};
static inline struct narrow_shape narrow_shape_of(enum cpu_level level)
{
    return level == CPU_AVX512 ? (struct narrow_shape){8, 2}
                               : (struct narrow_shape){level == CPU_AVX2 ? 5 : 2, 1};
}
ISA_EACH(void, narrow_tile, (struct narrow_tile * t, enum narrow_kind kind, bool flat));

/* Sums of one block on their way out: position i's go to elements [to + i * step, + lanes) of y.
 * They are spoilt. */
struct narrow_out {
    uint32_t *sums; /* [count][16], int32 or float32, 64-byte aligned */
    bool integers;
    int64_t count, lanes; /* at most NARROW_STRIP, 16 */
    int64_t lane;         /* of scale and bias */
    int64_t to, step;
};
/* Elements [from, from + n) of x as float32; bytes as the numbers that they are. n: a multiple of
 * 16. */
ISA_EACH(void, narrow_widen, (const struct narrow_data *x, int64_t from, int64_t n, float *to));
ISA_EACH(void, narrow_out, (const struct narrow_out *o, const struct narrow_end *e));
/* Bytes into bytes or bfloat16 into bfloat16, with scale and bias, without sum, activations as of
 * block_act_inline. */
ISA_EACH(void, narrow_scale, (const struct narrow_scale *s));

/* The specification of what follows a sum v of lane `lane` on its way to element i of y. */
void narrow_finish_ref(const struct narrow_end *e, float v, int64_t lane, int64_t i);

#endif
