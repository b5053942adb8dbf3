/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The forms of one convolution per CPU level, and the sizes that the parts of a run agree on. */
#ifndef ROOST_KERNELS_BLOCKED_PRIV_H
#define ROOST_KERNELS_BLOCKED_PRIV_H

#include "kernels/blocked.h"
#include "kernels/cpu.h"

/* Declares a function of src/kernels/isa/ at every level, and the choice among them. */
#define ISA_EACH(ret, name, params)                                                                \
    ret name##_generic params;                                                                     \
    ret name##_avx2 params;                                                                        \
    ret name##_avx512 params
#define ISA_PICK(name)                                                                             \
    (cpu_level() == CPU_AVX512 ? name##_avx512                                                     \
     : cpu_level() == CPU_AVX2 ? name##_avx2                                                       \
                               : name##_generic)

/* Items [item, to) of a phase; of the direct forms a phase is a unit, depthwise has one phase. */
ISA_EACH(void, block_direct, (const struct block_conv *c, int64_t unit, int64_t item, int64_t to));
ISA_EACH(int64_t, block_direct_items, (const struct block_conv *c));
ISA_EACH(void, block_depthwise, (const struct block_conv *c, int64_t item, int64_t to));
enum { BLOCK_WINOGRAD_STEPS = 3 }; /* phases of a unit: input, products, output */
ISA_EACH(void, block_winograd,
         (const struct block_conv *c, int64_t phase, int64_t item, int64_t to));
ISA_EACH(int64_t, block_winograd_items, (const struct block_conv *c, int step));

ISA_EACH(void, bf16_widen, (int64_t n, const uint16_t *x, float *y));
ISA_EACH(void, bf16_narrow, (int64_t n, const float *x, uint16_t *y));
struct block_pool;
ISA_EACH(void, block_max, (const struct block_pool *p));
ISA_EACH(void, block_average, (const struct block_pool *p));
ISA_EACH(void, block_scale_rows, (const struct block_scale *s));

/* Do the kernels apply it while they store? All else is applied to what a unit has stored. */
static inline bool block_act_inline(enum activation a)
{
    return a == ACT_NONE || a == ACT_RELU || a == ACT_CLIP;
}

/* Kernel places k with 0 <= at + k * step < extent, of `kernel`: [*from, *to). */
static inline void block_places(int64_t at, int64_t step, int64_t kernel, int64_t extent,
                                int64_t *from, int64_t *to)
{
    /* Most steps are 1, and a division costs more than a position of a depthwise kernel. */
    int64_t before = at >= 0 ? 0 : step == 1 ? -at : (-at + step - 1) / step;
    int64_t after = at >= extent ? 0 : step == 1 ? extent - at : (extent - at + step - 1) / step;
    *from = MIN(before, kernel);
    *to = MAX(MIN(after, kernel), *from);
}

/* ---- the direct forms: a unit is a band of output rows, or of positions where that is one row
 * ----
 */

struct block_bands {
    int64_t rows, columns;       /* of the output as it is walked: 1 x all for a 1 x 1 kernel */
    int64_t in_rows, in_columns; /* likewise */
    int64_t step;                /* rows of a band, or columns where there is one row */
    bool by_columns;             /* a band is columns of that one row */
    int64_t count;               /* bands of one image */
};
void block_bands_of(const struct block_conv *c, struct block_bands *b);

/* ---- Winograd: a unit is a run of output tiles of 4 x 4 ---- */

struct block_tiles {
    int64_t rows, columns; /* tiles of one image */
    int64_t step;          /* tiles of a unit */
    int64_t count;         /* units of one image */
};
void block_tiles_of(const struct block_conv *c, struct block_tiles *t);

/* Pixels from one of the 36 places to the next, in the scratch of a unit of `tiles`: an odd number,
 * or the 36 of a tile would meet in a few sets of the first-level cache. */
static inline int64_t block_place_step(int64_t blocks, int64_t tiles)
{
    return (blocks * tiles) | 1;
}

#endif
