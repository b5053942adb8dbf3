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

#endif
