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

/* What the numbers of an end share. Held apart from the tile: y might be anything, and what is
 * behind a pointer would be read anew after each store. */
struct end {
    struct as_bytes bytes;
    struct bounds kept;
    int64_t step, block; /* bytes from a position, an output block to the next */
    const uint8_t *sum;  /* NULL: none */
    uint8_t *y;
    int32_t sum_zero;
    vec sum_scale, before; /* narrow_before */
    bool rolled;           /* end_floats or end_gelu, not end_tile */
    int narrower;          /* an element of y is one of sum times 2 so often */
};

/* rolls: may it be one of narrow.c's? */
TILE_INLINE struct end end_begin(const struct narrow_tile *t, const struct shape s,
                                 const bool rolls)
{
    const struct narrow_end *e = t->end;
    const bool floats = rolls && e->y.type == NARROW_F32;
    const int narrower = floats && e->sum.type != NARROW_F32 ? (is_integers(s) ? 2 : 1) : 0;
    const int element = floats ? 4 : is_integers(s) ? 1 : 2;
    const uint8_t *const sum = e->sum.data;
    return (struct end){.bytes = as_bytes_of(&e->y, t->low, t->high),
                        .kept = bounds_of(e),
                        .step = t->y_step * element,
                        .block = t->y_block * element,
                        .sum = sum ? sum + (t->to * element >> narrower) : NULL,
                        .y = (uint8_t *)e->y.data + t->to * element,
                        .sum_zero = e->sum.zero,
                        .sum_scale = vec_all(e->sum.scale * t->before),
                        .before = vec_all(t->before),
                        .rolled = rolls && (floats || e->epilogue.act == ACT_GELU),
                        .narrower = narrower};
}

/* The numbers of `many` positions as elements of y. Bytes are kept within bounds as bytes, all four
 * positions at once: a larger number is no smaller byte. */
TILE_INLINE void end_store(const struct end *e, const struct shape s, const int many,
                           const vec number[], uint8_t *y)
{
    if (is_integers(s)) {
        const vec one[FOUR] = {number[0], number[0], number[0], number[0]};
        const __m512i four = bytes_of_four(many < FOUR ? one : number, &e->bytes);
        if (many < FOUR)
            _mm_storeu_si128((__m128i *)(void *)y, _mm512_castsi512_si128(four));
        else
            bytes_store(four, y, e->step);
    } else if (many < FOUR) {
        const vec one[] = {number[0], number[0]};
        _mm256_storeu_si256((__m256i *)(void *)y, _mm512_castsi512_si256(halves_of_two(one)));
    } else {
        halves_store(halves_of_two(number), y, e->step);
        halves_store(halves_of_two(number + 2), y + 2 * e->step, e->step);
    }
}

/* All of narrow_end, where y and sum are of x's type and the activation keeps numbers within
 * bounds. */
TILE_INLINE void end_tile(const struct narrow_tile *t, const struct shape s, const struct steps *i,
                          const struct end *e)
{
    const float *const scales = t->end->scale + t->lane;
    const float *const biases = t->end->bias ? t->end->bias + t->lane : NULL;
    TILE_UNROLL
    for (int v = 0; v < s.blocks; v++) {
        const vec scale =
            is_integers(s) ? (vec)(vec_load(scales + v * BLOCK) * e->before) : e->before;
        /* -0 adds nothing. */
        vec bias = biases ? vec_load(biases + v * BLOCK) : vec_all(-0.0f);
        if (is_integers(s))
            bias = bias * e->before;
        TILE_UNROLL
        for (int p = 0; p < s.pixels; p += FOUR) {
            const int many = s.pixels - p < FOUR ? 1 : FOUR;
            const int64_t at = v * e->block + p * e->step;
            vec number[FOUR];
            TILE_UNROLL
            for (int k = 0; k < many; k++) {
                const int sum = (p + k) * s.blocks + v;
                if (is_integers(s))
                    number[k] = vec_once(__builtin_convertvector(i->whole[sum], vec), scale, bias);
                else
                    number[k] = i->real[sum] + bias;
            }
            if (e->sum)
                TILE_UNROLL
            for (int k = 0; k < many; k++) {
                const uint8_t *from = e->sum + at + k * e->step;
                if (is_integers(s))
                    number[k] =
                        vec_once(widened(NARROW_U8, e->sum_zero, from), e->sum_scale, number[k]);
                else
                    number[k] = number[k] + widened(NARROW_BF16, 0, from);
            }
            if (!is_integers(s))
                TILE_UNROLL
            for (int k = 0; k < many; k++)
                number[k] = vec_clamp(number[k], e->kept.low, e->kept.high);
            end_store(e, s, many, number, e->y + at);
        }
    }
}

/* And on to the next positions: of t->count there are `left`. What is no whole tile goes over some
 * of the one before once more. */
TILE_INLINE int64_t end_next(const struct narrow_tile *t, struct end *e, int64_t left)
{
    const int64_t on = MIN(left, (int64_t)PIXELS);
    e->y += on * e->step;
    if (e->sum)
        e->sum += on * e->step >> e->narrower;
    return on * t->across;
}

#endif

#endif
