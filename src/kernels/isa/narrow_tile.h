/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What tiles of every kind share: their sums, and how they end. */
#ifndef ROOST_KERNELS_NARROW_TILE_H
#define ROOST_KERNELS_NARROW_TILE_H

#include "kernels/isa/narrow_end.h"

#if ISA_LEVEL == 2
enum { PIXELS = 8, BLOCKS = 2 };
#elif ISA_LEVEL == 1
enum { PIXELS = 5, BLOCKS = 1 };
#else
enum { PIXELS = 2, BLOCKS = 1 };
#endif

enum {
    FOUR = 4, /* positions that are stored at once */
};
enum {
    VECS_MOST = BLOCK_VECS * MAX((PIXELS + 1) * (int)BLOCKS, (int)NARROW_BLOCKS_MOST),
};

/* The first or second bfloat16 of each lane as float32. */
TILE_INLINE vec half_of(vec_int v, const int second)
{
    return second ? (vec)(v & (int32_t)0xffff0000) : (vec)(v << 16);
}

/* The shape of a tile and what it makes, as numbers that the compiler knows. Each sum is made in
 * `chains` parts, or a product would wait for the one before it. */
struct shape {
    int pixels, blocks, chains;
    enum narrow_kind kind;
};

TILE_INLINE bool is_integers(const struct shape s)
{
    return narrow_integers(s.kind);
}

/* Where a tile's steps have come to. */
struct steps {
    int64_t at[NARROW_PIXELS_MOST];
    const uint8_t *w[NARROW_BLOCKS_MOST];
    vec_int whole[VECS_MOST];
    vec real[VECS_MOST];
};

/* The sums as they are, for narrow_out. */
TILE_INLINE void end_sums(const struct narrow_tile *t, const struct shape s, const struct steps *i)
{
    TILE_UNROLL
    for (int p = 0; p < s.pixels; p++)
        TILE_UNROLL
    for (int v = 0; v < s.blocks * BLOCK_VECS; v++) {
        const int k = p * s.blocks * BLOCK_VECS + v;
        uint32_t *to = t->sums + v / BLOCK_VECS * t->sums_block + p * BLOCK + v % BLOCK_VECS * VEC;
        *(vec *)to = is_integers(s) ? (vec)i->whole[k] : i->real[k];
    }
}

#if ISA_LEVEL == 2

/* Where a register of a position stands in y or sum, whose elements have `bytes` bytes. */
TILE_INLINE int64_t end_at(const struct narrow_tile *t, int p, int v, int bytes)
{
    return (p * t->y_step + v * t->y_block) * bytes;
}

/* The numbers of `many` positions, from p on, of output block v as elements of y. */
TILE_INLINE void end_store(const struct narrow_tile *t, const struct shape s, int p, int v,
                           const int many, const vec number[], vec reciprocal)
{
    const int bytes = is_integers(s) ? 1 : 2;
    uint8_t *const y = (uint8_t *)t->end->y.data + t->to * bytes + end_at(t, p, v, bytes);
    if (many < FOUR)
        narrowed(&t->end->y, number[0], reciprocal, y);
    else if (is_integers(s))
        bytes_store_four(number, reciprocal, t->end->y.zero, y, t->y_step);
    else {
        halves_store_two(number, y, t->y_step);
        halves_store_two(number + 2, y + 2 * t->y_step * bytes, t->y_step);
    }
}

/* All of narrow_end, where y and sum are of x's type and the activation keeps numbers within
 * bounds. */
TILE_INLINE void end_tile(const struct narrow_tile *t, const struct shape s, const struct steps *i)
{
    const struct narrow_end *e = t->end;
    const int bytes = is_integers(s) ? 1 : 2;
    const uint8_t *const sum = e->sum.data ? (const uint8_t *)e->sum.data + t->to * bytes : NULL;
    struct bounds kept = bounds_of(&e->epilogue);
    vec reciprocal = vec_all(1);
    if (is_integers(s)) {
        kept = bounds_of_bytes(kept, e->y.scale);
        reciprocal = vec_all(1 / e->y.scale);
    }
    TILE_UNROLL
    for (int v = 0; v < s.blocks; v++) {
        const vec scale = is_integers(s) ? vec_load(e->scale + t->lane + v * BLOCK) : vec_all(1);
        /* -0 adds nothing. */
        const vec bias = e->bias ? vec_load(e->bias + t->lane + v * BLOCK) : vec_all(-0.0f);
        TILE_UNROLL
        for (int p = 0; p < s.pixels; p += FOUR) {
            const int many = s.pixels - p < FOUR ? 1 : FOUR;
            vec number[FOUR];
            TILE_UNROLL
            for (int k = 0; k < many; k++) {
                vec one = i->real[(p + k) * s.blocks + v];
                if (is_integers(s))
                    one = __builtin_convertvector(i->whole[(p + k) * s.blocks + v], vec) * scale;
                number[k] = one + bias;
            }
            if (sum)
                TILE_UNROLL
            for (int k = 0; k < many; k++)
                number[k] = number[k] + widened(&e->sum, is_integers(s) ? NARROW_U8 : NARROW_BF16,
                                                sum + end_at(t, p + k, v, bytes));
            TILE_UNROLL
            for (int k = 0; k < many; k++)
                number[k] = vec_clamp(number[k], kept.low, kept.high);
            end_store(t, s, p, v, many, number, reciprocal);
        }
    }
}

#endif

TILE_INLINE void end_of(const struct narrow_tile *t, const struct shape s, const struct steps *i)
{
#if ISA_LEVEL == 2
    if (t->end) {
        end_tile(t, s, i);
        return;
    }
#endif
    end_sums(t, s, i);
}

#endif
