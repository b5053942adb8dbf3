/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Between a register of float32 and elements of any type. What includes this is compiled without
 * contraction (cmake/Isa.cmake): of bytes the same bits come out at every level. */
#ifndef ROOST_KERNELS_NARROW_END_H
#define ROOST_KERNELS_NARROW_END_H

#include <float.h>
#include <math.h>

#include "kernels/isa/isa.h"
#include "kernels/isa/tile.h"
#include "kernels/narrow_priv.h"

/* VEC elements as numbers; of bytes, less a zero point. */
TILE_INLINE vec widened(const enum narrow_type type, const int32_t zero, const uint8_t *from)
{
    if (type == NARROW_F32)
        return vec_load((const float *)(const void *)from);
    if (type == NARROW_BF16)
        return (vec)(vec_u16_load(from) << 16);
    return __builtin_convertvector(vec_u8_load(from) - zero, vec);
}

#if ISA_LEVEL == 0
vec ISA_NAME(narrow_once)(vec a, vec b, vec c); /* narrow_out.c */
#endif

/* a * b + c rounded once at every level. */
static inline vec vec_once(vec a, vec b, vec c)
{
#if ISA_LEVEL == 0
    return ISA_NAME(narrow_once)(a, b, c);
#else
    return vec_fma(a, b, c);
#endif
}

/* reciprocal: of d's scale. */
static inline void narrowed(const struct narrow_data *d, vec v, vec reciprocal, uint8_t *to)
{
    if (d->type == NARROW_U8) {
        /* Beyond 512 no zero point brings anything back. */
        v = v * reciprocal;
        vec_u8_store(to, vec_round(vec_pick(v > 512.0f, vec_all(512), v)) + d->zero);
    } else if (d->type == NARROW_BF16) {
        vec_u16_store(to, vec_bf16(v));
    } else {
        vec_store((float *)(void *)to, v);
    }
}

/* What the activations that are short keep v within. */
struct bounds {
    vec low, high;
};

static inline struct bounds bounds_of(const struct narrow_end *e)
{
    const struct epilogue *a = &e->epilogue;
    const float before = narrow_before(e);
    return (struct bounds){vec_all(a->act == ACT_CLIP   ? a->low * before
                                   : a->act == ACT_RELU ? 0
                                                        : -INFINITY),
                           vec_all(a->act == ACT_CLIP ? a->high * before : INFINITY)};
}

#if ISA_LEVEL == 2

/* For numbers that become bytes of this scale: beyond 512 no zero point brings anything back. */
static inline struct bounds bounds_of_bytes(struct bounds b, float scale)
{
    b.high = vec_clamp(vec_all(512 * scale), vec_all(-INFINITY), b.high);
    return b;
}

/* What all numbers that become bytes share; low and high are bytes that they are kept within. */
struct as_bytes {
    __m512i shift, low, high;
    bool bounded; /* are they less than all bytes? */
};

static inline struct as_bytes as_bytes_of(const struct narrow_data *d, uint8_t low, uint8_t high)
{
    return (struct as_bytes){_mm512_set1_epi16((short)d->zero), _mm512_set1_epi8((char)low),
                             _mm512_set1_epi8((char)high), low > 0 || high < UINT8_MAX};
}

/* Four positions' registers, which need only be rounded, as bytes, one position after the other;
 * none is above 2^30. */
TILE_INLINE __m512i bytes_of_four(const vec v[4], const struct as_bytes *a)
{
    __m512i q[4];
    TILE_UNROLL
    for (int i = 0; i < 4; i++)
        q[i] = (__m512i)vec_round(v[i]);
    /* What saturates on the way is beyond any byte, and stays there. */
    const __m512i one = _mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), a->shift);
    const __m512i two = _mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), a->shift);
    /* Each quarter has four lanes of all positions. */
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i all = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(one, two));
    return a->bounded ? _mm512_min_epu8(_mm512_max_epu8(all, a->low), a->high) : all;
}

/* To positions `step` bytes apart. */
TILE_INLINE void bytes_store(__m512i four, uint8_t *to, int64_t step)
{
    if (step == BLOCK) {
        _mm512_storeu_si512(to, four);
        return;
    }
    _mm_storeu_si128((__m128i *)(void *)to, _mm512_castsi512_si128(four));
    _mm_storeu_si128((__m128i *)(void *)(to + step), _mm512_extracti32x4_epi32(four, 1));
    _mm_storeu_si128((__m128i *)(void *)(to + 2 * step), _mm512_extracti32x4_epi32(four, 2));
    _mm_storeu_si128((__m128i *)(void *)(to + 3 * step), _mm512_extracti32x4_epi32(four, 3));
}

/* Two positions' registers as bfloat16, by the instruction for it: a subnormal becomes 0. */
TILE_INLINE __m512i halves_of_two(const vec v[2])
{
    __m512i both;
    __asm__("vcvtne2ps2bf16 %1, %2, %0" : "=v"(both) : "v"(v[0]), "v"(v[1]));
    return both;
}

/* To positions `step` bytes apart. */
TILE_INLINE void halves_store(__m512i two, uint8_t *to, int64_t step)
{
    if (step == BLOCK * (int)sizeof(uint16_t)) {
        _mm512_storeu_si512(to, two);
        return;
    }
    _mm256_storeu_si256((__m256i *)(void *)to, _mm512_castsi512_si256(two));
    _mm256_storeu_si256((__m256i *)(void *)(to + step), _mm512_extracti64x4_epi64(two, 1));
}

#endif

#endif
