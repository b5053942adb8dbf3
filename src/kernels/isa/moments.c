/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The sums of kernels/moments.c. Lanes are as many at every level, and meet in one order; compiled
 * without contraction (cmake/Isa.cmake): the same bits come out. */
#include "kernels/isa/swap.h"
#include "kernels/isa/tile.h"
#include "kernels/moments_priv.h"

/* Blocks of lanes at once: sums that do not wait for each other. */
enum { MANY = 4, MANY_VECS = MANY * BLOCK_VECS };

#define ADD(swap) of[0] += swap(of[0]);

TILE_INLINE vec term(const float *x, float shift, bool square)
{
    const vec d = vec_load(x) - shift;
    if (square)
        return d * d;
    return d;
}

/* Of a block's lanes: halves onto halves. */
TILE_INLINE float lanes_sum(vec of[BLOCK_VECS])
{
    TILE_UNROLL
    for (int half = BLOCK_VECS / 2; half > 0; half /= 2)
        TILE_UNROLL
    for (int v = 0; v < half; v++)
        of[v] += of[v + half];
    EACH_SWAP(ADD)
    return of[0][0];
}

TILE_INLINE float sum(int64_t n, const float *x, float shift, const bool square)
{
    vec acc[MANY_VECS];
    float rest = 0;
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
        acc[v] = (acc[v] + acc[v + 2 * BLOCK_VECS]) + halves;
    }
    return lanes_sum(acc) + rest;
}

float ISA_NAME(moments_sum)(int64_t n, const float *x)
{
    return sum(n, x, 0, false);
}

float ISA_NAME(moments_squares)(int64_t n, const float *x, float shift)
{
    return sum(n, x, shift, true);
}

void ISA_NAME(normal_row)(const struct normal_row *r)
{
    const float *x = r->x, *scale = r->scale, *bias = r->bias;
    float *y = r->y, mean = r->mean, factor = r->factor;
    const int64_t n = r->n; /* y might hold r for all the compiler knows */
    int64_t i = 0;
    for (; i + VEC <= n; i += VEC) {
        const vec shift = bias ? vec_load(bias + i) : vec_all(-0.0f); /* which adds nothing */
        vec_store(y + i, (vec_load(x + i) - mean) * factor * vec_load(scale + i) + shift);
    }
    for (; i < n; i++)
        y[i] = (x[i] - mean) * factor * scale[i] + (bias ? bias[i] : -0.0f);
}
