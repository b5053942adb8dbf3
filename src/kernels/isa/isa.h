/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* For the sources of this folder, which are compiled once per level of kernels/cpu.h: ISA_LEVEL is
 * that level's number, ISA_NAME(f) the name that f has in this compilation (f_avx2), `vec` one
 * register of floats. Sources here are plain C on vectors: the same text makes the kernels of all
 * levels, so that what is tested at one width is what runs at another. They are compiled with -O2
 * and with contraction of products and sums in every build.
 *
 * Only static functions and ISA_NAME functions may be defined here: anything else would be
 * compiled for a processor that its caller may not run on. */
#ifndef ROOST_KERNELS_ISA_H
#define ROOST_KERNELS_ISA_H

#include <string.h>

#include "base/base.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define ISA_PASTE2(a, b) a##_##b
#define ISA_PASTE(a, b) ISA_PASTE2(a, b)
#define ISA_NAME(f) ISA_PASTE(f, ISA)

/* Floats in a register, and how many registers there are to write a tile for. */
#if ISA_LEVEL == 2
enum { VEC = 16, VEC_REGISTERS = 32 };
#elif ISA_LEVEL == 1
enum { VEC = 8, VEC_REGISTERS = 16 };
#else
enum { VEC = 4, VEC_REGISTERS = 16 };
#endif

/* Before a loop of a number of steps that the compiler knows, all or n of which are written out.
 * Sanitizers put checks around every access of it: written out, one file took gcc ten minutes. */
#if defined(ISA_ROLLED)
#define ISA_UNROLL(n)
#else
#define ISA_PRAGMA(text) _Pragma(#text)
#define ISA_UNROLL(n) ISA_PRAGMA(GCC unroll n)
#endif

/* What stands side by side in blocked tensors and packed weights, at every level. */
enum { BLOCK = 16, BLOCK_VECS = BLOCK / VEC };

typedef float vec
    __attribute__((vector_size(VEC * sizeof(float)), aligned(VEC * sizeof(float)), may_alias));
/* The same at any address of a float. */
typedef float vec_any
    __attribute__((vector_size(VEC * sizeof(float)), aligned(sizeof(float)), may_alias));
typedef int32_t vec_int __attribute__((vector_size(VEC * sizeof(float)), may_alias));
typedef uint32_t vec_bits __attribute__((vector_size(VEC * sizeof(float)), may_alias));

static inline vec vec_load(const float *p)
{
    return *(const vec_any *)p;
}

static inline void vec_store(float *p, vec v)
{
    *(vec_any *)p = v;
}

static inline vec vec_all(float x)
{
    return x - (vec){0};
}

/* mask: of a comparison, all ones where `yes` is taken. */
static inline vec vec_pick(vec_int mask, vec yes, vec no)
{
    return (vec)((mask & (vec_int)yes) | (~mask & (vec_int)no));
}

/* The larger of both, or w where they are equal; some NaN where either is one. */
static inline vec vec_max(vec v, vec w)
{
#if ISA_LEVEL == 2
    const __mmask16 number = _mm512_cmp_ps_mask((__m512)v, (__m512)v, _CMP_ORD_Q);
    return (vec)_mm512_mask_max_ps((__m512)v, number, (__m512)v, (__m512)w);
#elif ISA_LEVEL == 1 /* the instruction gives w where either is NaN */
    return (vec)((vec_int)_mm256_max_ps((__m256)v, (__m256)w) | (v != v));
#elif defined(__SSE2__)
    return (vec)((vec_int)_mm_max_ps((__m128)v, (__m128)w) | (v != v));
#else
    return vec_pick((v > w) | (v != v), v, w);
#endif
}

/* yes where a < b, else no: for the widest level fewer instructions than vec_pick. */
static inline vec vec_less(vec a, vec b, vec yes, vec no)
{
#if ISA_LEVEL == 2
    const __mmask16 less = _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ);
    return (vec)_mm512_mask_blend_ps(less, (__m512)no, (__m512)yes);
#else
    return vec_pick(a < b, yes, no);
#endif
}

/* a * b + c, rounded once where the level has that: said where a file is compiled without
 * contraction. */
static inline vec vec_fma(vec a, vec b, vec c)
{
#if ISA_LEVEL == 2
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif ISA_LEVEL == 1
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

/* v kept in [low, high]; a NaN passes, as does -0 where a bound is 0. The instructions give their
 * second operand in these cases. */
static inline vec vec_clamp(vec v, vec low, vec high)
{
#if ISA_LEVEL == 2
    return (vec)_mm512_min_ps((__m512)high, _mm512_max_ps((__m512)low, (__m512)v));
#elif ISA_LEVEL == 1
    return (vec)_mm256_min_ps((__m256)high, _mm256_max_ps((__m256)low, (__m256)v));
#elif defined(__SSE2__)
    return (vec)_mm_min_ps((__m128)high, _mm_max_ps((__m128)low, (__m128)v));
#else
    v = vec_pick(v < low, low, v);
    return vec_pick(v > high, high, v);
#endif
}

/* To the nearest integer, ties to even; what no int32 holds, and a NaN, gives a number below 0. */
static inline vec_int vec_round(vec v)
{
#if ISA_LEVEL == 2
    return (vec_int)_mm512_cvtps_epi32((__m512)v);
#elif ISA_LEVEL == 1
    return (vec_int)_mm256_cvtps_epi32((__m256)v);
#elif defined(__SSE2__)
    return (vec_int)_mm_cvtps_epi32((__m128)v);
#else
    /* The last bits of a sum with this number are the integer. */
    const vec magic = vec_all(0x1.8p23f);
    vec_int small = (v > -0x1p22f) & (v < 0x1p22f);
    return ((small & ((vec_int)(v + magic) - (vec_int)magic)) | (~small & INT32_MIN));
#endif
}

/* As bfloat16 in the lower halves: to the nearest, ties to even; a NaN stays one. */
static inline vec_int vec_bf16(vec v)
{
    const vec_bits u = (vec_bits)v, even = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
    return (vec_int)vec_pick(v != v, (vec)(u >> 16 | 0x40), (vec)even);
}

/* VEC bytes or 16-bit numbers, unsigned, at any address. What is stored is kept in 0..255, or is
 * what the lower 16 bits say. */
static inline vec_int vec_u8_load(const void *p)
{
#if ISA_LEVEL == 2
    return (vec_int)_mm512_cvtepu8_epi32(_mm_loadu_si128(p));
#elif ISA_LEVEL == 1
    return (vec_int)_mm256_cvtepu8_epi32(_mm_loadl_epi64(p));
#elif defined(__SSE2__)
    const __m128i none = _mm_setzero_si128();
    int32_t all;
    memcpy(&all, p, sizeof(all));
    return (vec_int)_mm_unpacklo_epi16(_mm_unpacklo_epi8(_mm_cvtsi32_si128(all), none), none);
#else
    const uint8_t *x = p;
    return (vec_int){x[0], x[1], x[2], x[3]};
#endif
}

static inline vec_int vec_u16_load(const void *p)
{
#if ISA_LEVEL == 2
    return (vec_int)_mm512_cvtepu16_epi32(_mm256_loadu_si256(p));
#elif ISA_LEVEL == 1
    return (vec_int)_mm256_cvtepu16_epi32(_mm_loadu_si128(p));
#elif defined(__SSE2__)
    return (vec_int)_mm_unpacklo_epi16(_mm_loadl_epi64(p), _mm_setzero_si128());
#else
    uint16_t x[VEC];
    memcpy(x, p, sizeof(x));
    return (vec_int){x[0], x[1], x[2], x[3]};
#endif
}

static inline void vec_u8_store(void *p, vec_int v)
{
#if ISA_LEVEL == 2
    const __m512i low = _mm512_max_epi32((__m512i)v, _mm512_setzero_si512());
    _mm_storeu_si128(p, _mm512_cvtusepi32_epi8(low));
#elif ISA_LEVEL == 1
    const __m128i two = _mm_packs_epi32(_mm256_castsi256_si128((__m256i)v),
                                        _mm256_extracti128_si256((__m256i)v, 1));
    _mm_storel_epi64(p, _mm_packus_epi16(two, two));
#elif defined(__SSE2__)
    const __m128i two = _mm_packs_epi32((__m128i)v, (__m128i)v), one = _mm_packus_epi16(two, two);
    const int32_t all = _mm_cvtsi128_si32(one);
    memcpy(p, &all, sizeof(all));
#else
    uint8_t *to = p;
    for (int i = 0; i < VEC; i++)
        to[i] = (uint8_t)(v[i] < 0 ? 0 : v[i] > 255 ? 255 : v[i]);
#endif
}

static inline void vec_u16_store(void *p, vec_int v)
{
#if ISA_LEVEL == 2
    _mm256_storeu_si256(p, _mm512_cvtepi32_epi16((__m512i)v));
#elif ISA_LEVEL == 1
    const __m256i low = (__m256i)(v & 0xffff);
    _mm_storeu_si128(
        p, _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1)));
#else
    uint16_t x[VEC];
    for (int i = 0; i < VEC; i++)
        x[i] = (uint16_t)v[i];
    memcpy(p, x, sizeof(x));
#endif
}

#endif
