/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The sums of kernels/moments.c. Lanes are as many at every level, and meet in one order; compiled
 * without contraction (cmake/Isa.cmake): the same bits come out. */
#include "kernels/isa/tile.h"
#include "kernels/moments_priv.h"

/* Blocks of lanes at once: sums that do not wait for each other. */
enum { MANY = 4, MANY_VECS = MANY * BLOCK_VECS };

TILE_INLINE vec term(const float *x, float shift, bool square)
{
    const vec d = vec_load(x) - shift;
    if (square)
        return d * d;
    return d;
}

TILE_INLINE float sum(int64_t n, const float *x, float shift, const bool square)
{
    vec acc[MANY_VECS];
    float lanes[BLOCK], rest = 0;
    int64_t i = 0;
    TILE_UNROLL
    for (int v = 0; v < MANY_VECS; v++)
        acc[v] = vec_all(0);
    for (; i + MANY * BLOCK <= n; i += MANY * BLOCK) {
        TILE_UNROLL
        for (int v = 0; v < MANY_VECS; v++)
            acc[v] += term(x + i + v * VEC, shift, square);
    }
    for (; i + BLOCK <= n; i += BLOCK) {
        TILE_UNROLL
        for (int v = 0; v < BLOCK_VECS; v++)
            acc[v] += term(x + i + v * VEC, shift, square);
    }
    for (; i < n; i++)
        rest += square ? (x[i] - shift) * (x[i] - shift) : x[i] - shift;
    TILE_UNROLL
    for (int v = 0; v < BLOCK_VECS; v++) {
        const vec halves = acc[v + BLOCK_VECS] + acc[v + 3 * BLOCK_VECS];
        vec_store(lanes + v * VEC, (acc[v] + acc[v + 2 * BLOCK_VECS]) + halves);
    }
    for (int half = BLOCK / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lanes[j] += lanes[j + half];
    return lanes[0] + rest;
}

float ISA_NAME(moments_sum)(int64_t n, const float *x)
{
    return sum(n, x, 0, false);
}

float ISA_NAME(moments_squares)(int64_t n, const float *x, float shift)
{
    return sum(n, x, shift, true);
}
