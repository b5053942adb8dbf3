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

typedef uint32_t vec_uint __attribute__((vector_size(VEC * sizeof(float)), may_alias));

/* VEC elements as numbers; of bytes, less their zero point and scaled. type: d's. */
TILE_INLINE vec widened(const struct narrow_data *d, const enum narrow_type type,
                        const uint8_t *from)
{
    if (type == NARROW_F32)
        return vec_load((const float *)(const void *)from);
    if (type == NARROW_BF16)
        return (vec)(vec_u16_load(from) << 16);
    return __builtin_convertvector(vec_u8_load(from) - d->zero, vec) * d->scale;
}

/* reciprocal: of d's scale. */
static inline void narrowed(const struct narrow_data *d, vec v, vec reciprocal, uint8_t *to)
{
    if (d->type == NARROW_U8) {
        /* Beyond 512 no zero point brings anything back. */
        v = v * reciprocal;
        vec_u8_store(to, vec_round(vec_pick(v > 512.0f, vec_all(512), v)) + d->zero);
    } else if (d->type == NARROW_BF16) {
        const vec_uint u = (vec_uint)v, even = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
        vec_u16_store(to, (vec_int)vec_pick(v != v, (vec)(u >> 16 | 0x40), (vec)even));
    } else {
        vec_store((float *)(void *)to, v);
    }
}

/* What the activations that are short keep v within. */
struct bounds {
    vec low, high;
};

static inline struct bounds bounds_of(const struct epilogue *a)
{
    return (struct bounds){vec_all(a->act == ACT_CLIP   ? a->low
                                   : a->act == ACT_RELU ? 0
                                                        : -INFINITY),
                           vec_all(a->act == ACT_CLIP ? a->high : INFINITY)};
}

#if ISA_LEVEL == 2

/* For numbers that become bytes of this scale: beyond 512 no zero point brings anything back. */
static inline struct bounds bounds_of_bytes(struct bounds b, float scale)
{
    b.high = vec_clamp(vec_all(512 * scale), vec_all(-INFINITY), b.high);
    return b;
}

/* Four positions' registers as bytes, `step` elements apart; none is above 512 / reciprocal. */
TILE_INLINE void bytes_store_four(const vec v[4], vec reciprocal, int32_t zero, uint8_t *to,
                                  int64_t step)
{
    const __m512i shift = _mm512_set1_epi16((short)zero);
    __m512i q[4];
    TILE_UNROLL
    for (int i = 0; i < 4; i++)
        q[i] = (__m512i)vec_round(v[i] * reciprocal);
    /* What saturates on the way is beyond any byte, and stays there. */
    const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), shift);
    const __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), shift);
    /* Each quarter has four lanes of all positions. */
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i all = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high));
    if (step == BLOCK) {
        _mm512_storeu_si512(to, all);
        return;
    }
    _mm_storeu_si128((__m128i *)(void *)to, _mm512_castsi512_si128(all));
    _mm_storeu_si128((__m128i *)(void *)(to + step), _mm512_extracti32x4_epi32(all, 1));
    _mm_storeu_si128((__m128i *)(void *)(to + 2 * step), _mm512_extracti32x4_epi32(all, 2));
    _mm_storeu_si128((__m128i *)(void *)(to + 3 * step), _mm512_extracti32x4_epi32(all, 3));
}

/* Two positions' registers as bfloat16, `step` elements apart, by the instruction for it: a
 * subnormal becomes 0. */
TILE_INLINE void halves_store_two(const vec v[2], uint8_t *to, int64_t step)
{
    __m512i both;
    __asm__("vcvtne2ps2bf16 %1, %2, %0" : "=v"(both) : "v"(v[0]), "v"(v[1]));
    if (step == BLOCK) {
        _mm512_storeu_si512(to, both);
        return;
    }
    _mm256_storeu_si256((__m256i *)(void *)to, _mm512_castsi512_si256(both));
    _mm256_storeu_si256((__m256i *)(void *)(to + step * 2), _mm512_extracti64x4_epi64(both, 1));
}

#endif

#endif
