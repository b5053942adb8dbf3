/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The inner loop of convolutions: up to TILE_PIXELS output positions by one or two blocks of 16
 * output channels, all sums in registers. Each step loads the weights of one input channel and
 * multiplies them by that channel of every position.
 *
 * A tile is written for a number of positions that the compiler knows; tile_run picks. */
#ifndef ROOST_KERNELS_TILE_H
#define ROOST_KERNELS_TILE_H

#include <math.h>

#include "kernels/isa/isa.h"
#include "kernels/kernels.h"

/* As many as the registers hold sums for, with some left for weights and the position's number.
 * Other tiles than those of TILE_BLOCKS blocks in a row take TILE_FEW or TILE_EDGE at most
 * (tile_run.h): each kind at each number of positions is code of its own. */
#if ISA_LEVEL == 2
enum { TILE_PIXELS = 14, TILE_FEW = 7, TILE_BLOCKS = 2 };
#elif ISA_LEVEL == 1
enum { TILE_PIXELS = 6, TILE_FEW = 6, TILE_BLOCKS = 1 };
#else
enum { TILE_PIXELS = 3, TILE_FEW = 3, TILE_BLOCKS = 1 };
#endif
enum { TILE_EDGE = 3 };

/* May the first and last position of a row reach beyond the image's sides? Where tiles are short,
 * the question costs more than scattered tiles do. */
enum { TILE_SIDES = ISA_LEVEL == 2 };

/* Where one output position reads at kernel place (0, 0). */
struct tile_place {
    int64_t row, column;
};

/* Output positions stand side by side in y. The products run over `blocks` input blocks, and in
 * each over rows x columns kernel places. Positions read x_step floats apart and inside of the
 * image, but for the first and the last, which may reach beyond its sides; or, `scattered`, each
 * where `place` says. What lies outside of the image reads as 0. */
struct tile {
    const float *x; /* of position 0, at kernel place (0, 0), channel 0; scattered: of the image */
    const float *w;
    float *y;
    int64_t x_step, x_block, x_row, x_column;
    int64_t w_block, w_row; /* from one input block, one kernel row to the next; columns follow */
    int64_t blocks, rows, columns;
    int64_t lanes, x_lane; /* of the plain form: input channels, from one to the next */
    /* In a row: the column that the first position reads at kernel place (0, 0), and how many
     * columns on the last one reads. */
    int64_t column, across;
    /* For positions outside: the image in pixels, floats of one, and BLOCK zeros. */
    int64_t height, width, pixel, dilation[2];
    const float *zeros;
    struct tile_place place[TILE_PIXELS];
    /* From one output block to the next, for tiles of two. */
    int64_t w_next, y_next;
    /* What of the weights is wanted next (tile_run.h): at each kernel place of an input block a
     * tile asks for a run of so many input channels of each block. Floats from one block's to the
     * next one's, and from place to place; and how many are left. */
    const float *next;
    int64_t next_lanes, next_step, next_on, next_left;
    /* The first run over the input blocks begins with bias and sum (either may be NULL: 0), each
     * later one is added to what stands in y: a sum of few sums of few products is more exact than
     * one of all. The last one applies the activation. */
    const float *bias, *sum;
    bool first, last;
    const struct epilogue *epilogue;
};

static inline vec tile_act(const struct epilogue *e, vec v)
{
    if (e->act == ACT_RELU)
        return vec_pick(v < 0.0f, vec_all(0), v);
    if (e->act == ACT_CLIP) {
        v = vec_pick(v < vec_all(e->low), vec_all(e->low), v);
        return vec_pick(v > vec_all(e->high), vec_all(e->high), v);
    }
    return v;
}

/* The shape of a tile, as numbers that the compiler knows. */
struct tile_shape {
    int pixels, blocks;
    bool scattered, plain;
};

#define TILE_INLINE static inline __attribute__((always_inline))
#define TILE_UNROLL ISA_UNROLL(16)
/* How many input channels of a block are written out: all of them in the rows of the level whose
 * tiles are few. Elsewhere it would be some hundred KiB more, and tiles are long enough without, or
 * at the image's edge. */
#if ISA_LEVEL == 1
#define TILE_LANES ISA_UNROLL(16)
#else
#define TILE_LANES ISA_UNROLL(2)
#endif

/* Where register v of position p stands in y and sum. */
TILE_INLINE int64_t tile_y(const struct tile *t, int p, int v)
{
    return v / BLOCK_VECS * t->y_next + p * BLOCK + v % BLOCK_VECS * VEC;
}

/* Decisions stand around the loops, not in them: for few input channels they would cost as much as
 * the products. */
TILE_INLINE void tile_begin(const struct tile *t, const struct tile_shape s,
                            vec acc[TILE_PIXELS][TILE_BLOCKS * BLOCK_VECS])
{
    const float *from = t->first ? t->sum : NULL;
    TILE_UNROLL
    for (int v = 0; v < s.blocks * BLOCK_VECS; v++) {
        vec bias = t->first && t->bias ? vec_load(t->bias + v * VEC) : vec_all(0);
        TILE_UNROLL
        for (int p = 0; p < s.pixels; p++)
            acc[p][v] = bias;
    }
    if (!from)
        return;
    TILE_UNROLL
    for (int p = 0; p < s.pixels; p++) {
        TILE_UNROLL
        for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
            acc[p][v] += vec_load(from + tile_y(t, p, v));
    }
}

/* One form for all activations: with three, stores were most of a tile's code. */
TILE_INLINE void tile_end(const struct tile *t, const struct tile_shape s,
                          vec acc[TILE_PIXELS][TILE_BLOCKS * BLOCK_VECS])
{
    const struct epilogue *e = t->epilogue;
    const enum activation act = t->last ? e->act : ACT_NONE;
    const vec low = vec_all(act == ACT_CLIP ? e->low : act == ACT_RELU ? 0 : -INFINITY);
    const vec high = vec_all(act == ACT_CLIP ? e->high : INFINITY);
    if (!t->first) {
        TILE_UNROLL
        for (int p = 0; p < s.pixels; p++) {
            TILE_UNROLL
            for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
                acc[p][v] += vec_load(t->y + tile_y(t, p, v));
        }
    }
    TILE_UNROLL
    for (int p = 0; p < s.pixels; p++) {
        TILE_UNROLL
        for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
            vec_store(t->y + tile_y(t, p, v), vec_clamp(acc[p][v], low, high));
    }
}

/* Positions of a long row share pointers by three, to which the stride comes once or twice in the
 * address itself: one each would be more than there are registers. The first and the last, where
 * they may reach beyond the image, have their own. */
enum { TILE_SHARED = TILE_SIDES ? 3 : 1 };

TILE_INLINE int tile_pointer(const struct tile_shape s, int p)
{
    if (s.plain && !s.scattered)
        return p / TILE_SHARED * TILE_SHARED;
    bool own = s.scattered || p == 0 || p == s.pixels - 1;
    return own ? p : (p - 1) / TILE_SHARED * TILE_SHARED + 1;
}

/* The number of an input channel at position p. */
TILE_INLINE float tile_x(const struct tile *t, const struct tile_shape s,
                         const float *const at[TILE_PIXELS], int64_t lane, int p)
{
    const float *from = at[tile_pointer(s, p)];
    if (s.plain && s.scattered && !from)
        return 0;
    return from[(p - tile_pointer(s, p)) * t->x_step + lane];
}

/* One input channel. */
TILE_INLINE void tile_step(const struct tile *t, const struct tile_shape s, const float *w,
                           const float *const at[TILE_PIXELS], int64_t lane,
                           vec acc[TILE_PIXELS][TILE_BLOCKS * BLOCK_VECS])
{
    vec weight[TILE_BLOCKS * BLOCK_VECS];
    TILE_UNROLL
    for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
        weight[v] = vec_load(w + v / BLOCK_VECS * t->w_next + v % BLOCK_VECS * VEC);
    TILE_UNROLL
    for (int p = 0; p < s.pixels; p++) {
        vec x = vec_all(tile_x(t, s, at, lane, p));
        TILE_UNROLL
        for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
            acc[p][v] += x * weight[v];
    }
}

/* Asks for weights that are wanted next, and says where it goes on. */
TILE_INLINE const float *tile_next(const struct tile *t, const struct tile_shape s,
                                   const float *next)
{
    const float *end = next + t->next_lanes * BLOCK;
    TILE_UNROLL
    for (int i = 0; i < s.blocks; i++)
        for (const float *n = next; n < end; n += BLOCK)
            __builtin_prefetch(n + i * t->next_step, 0, 2);
    return next + t->next_on;
}

/* Where position p's channels stand at kernel place (ky, kx) of input block b. */
TILE_INLINE const float *tile_at(const struct tile *t, const struct tile_shape s, int64_t b,
                                 int64_t ky, int64_t kx, int p)
{
    const float *block = t->x + b * t->x_block, *at = s.plain ? NULL : t->zeros;
    if (s.scattered) {
        int64_t row = t->place[p].row + ky * t->dilation[0];
        int64_t column = t->place[p].column + kx * t->dilation[1];
        if ((uint64_t)row < (uint64_t)t->height && (uint64_t)column < (uint64_t)t->width)
            at = block + (row * t->width + column) * t->pixel;
    } else {
        const bool side = TILE_SIDES && (p == 0 || p == s.pixels - 1);
        int64_t column = t->column + kx * t->dilation[1] + (p ? t->across : 0);
        if (!side || (uint64_t)column < (uint64_t)t->width)
            at = block + ky * t->x_row + kx * t->x_column + p * t->x_step;
    }
    /* Only an address: otherwise the compiler loads all of a pixel's channels before it needs them
     * and runs out of registers. */
    if (s.scattered || TILE_SIDES)
        __asm__("" : "+r"(at));
    return at;
}

/* The plain form inside of the image. Its channels are few, so that addresses made anew for each
 * kernel place would take a quarter of the time. */
TILE_INLINE void tile_plain(const struct tile *t, const struct tile_shape s,
                            vec acc[TILE_PIXELS][TILE_BLOCKS * BLOCK_VECS])
{
    const float *at[TILE_PIXELS], *w = t->w;
    TILE_UNROLL
    for (int p = 0; p < s.pixels; p += TILE_SHARED) {
        at[p] = t->x + p * t->x_step;
        __asm__("" : "+r"(at[p]));
    }
    for (int64_t ky = 0; ky < t->rows; ky++)
        for (int64_t kx = 0; kx < t->columns; kx++) {
            int64_t off = ky * t->x_row + kx * t->x_column;
            for (int64_t lane = 0; lane < t->lanes; lane++, w += BLOCK, off += t->x_lane)
                tile_step(t, s, w, at, off, acc);
        }
}

/* Long tiles ask for all of a block's pixels at once: they lie far apart from the block's before.
 */
TILE_INLINE void tile_fetch(const struct tile *t, const struct tile_shape s, int64_t b)
{
    if (ISA_LEVEL < 2 || s.scattered)
        return;
    TILE_UNROLL
    for (int p = 0; p < s.pixels; p++)
        __builtin_prefetch(t->x + b * t->x_block + p * t->x_step);
}

TILE_INLINE void tile_shaped(const struct tile *t, const struct tile_shape s)
{
    vec acc[TILE_PIXELS][TILE_BLOCKS * BLOCK_VECS];
    const float *next = t->next;
    tile_begin(t, s, acc);
    if (s.plain && !s.scattered) {
        tile_plain(t, s, acc);
        tile_end(t, s, acc);
        return;
    }
    for (int64_t b = 0; b < t->blocks; b++) {
        tile_fetch(t, s, b);
        for (int64_t ky = 0; ky < t->rows; ky++) {
            const float *w = t->w + b * t->w_block + ky * t->w_row;
            for (int64_t kx = 0; kx < t->columns; kx++) {
                const float *at[TILE_PIXELS];
                next = tile_next(t, s, next);
                TILE_UNROLL
                for (int p = 0; p < s.pixels; p++)
                    if (tile_pointer(s, p) == p)
                        at[p] = tile_at(t, s, b, ky, kx, p);
                if (s.plain) {
                    for (int64_t lane = 0; lane < t->lanes; lane++, w += BLOCK)
                        tile_step(t, s, w, at, lane * t->x_lane, acc);
                } else if (s.scattered) {
                    ISA_UNROLL(2)
                    for (int64_t lane = 0; lane < BLOCK; lane++, w += BLOCK)
                        tile_step(t, s, w, at, lane, acc);
                } else {
                    TILE_LANES
                    for (int64_t lane = 0; lane < BLOCK; lane++, w += BLOCK)
                        tile_step(t, s, w, at, lane, acc);
                }
            }
        }
    }
    tile_end(t, s, acc);
}

#endif
