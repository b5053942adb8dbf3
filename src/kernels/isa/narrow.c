/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The sums of a tile of low precision. A step takes one word, four bytes or two bfloat16, of each
 * position and multiplies it by that word of 16 outputs. */
#include "kernels/isa/tile.h"
#include "kernels/narrow_priv.h"

#if ISA_LEVEL == 2
enum { PIXELS = 8, BLOCKS = 2 };
#elif ISA_LEVEL == 1
enum { PIXELS = 5, BLOCKS = 1 };
#else
enum { PIXELS = 2, BLOCKS = 1 };
#endif

enum {
    VECS_MOST = (int)BLOCKS * (int)PIXELS > (int)NARROW_BLOCKS_MOST
                    ? (int)BLOCKS *(int)PIXELS *(int)BLOCK_VECS
                    : (int)NARROW_BLOCKS_MOST *(int)BLOCK_VECS
};

typedef int32_t word_any __attribute__((aligned(1), may_alias));
typedef float float_any __attribute__((aligned(1), may_alias));
typedef vec_int vec_int_any __attribute__((aligned(1)));

static inline vec_int word_all(const uint8_t *x)
{
    return *(const word_any *)x - (vec_int){0};
}

static inline vec_int words_load(const uint8_t *w)
{
    return *(const vec_int_any *)w;
}

/* ---- one step of one register ---- */

/* Four products of an unsigned and a signed byte in each lane. Pairs fit 16 bits as long as weights
 * keep to NARROW_WEIGHT_MOST. */
TILE_INLINE vec_int dot_bytes(vec_int acc, vec_int x, vec_int w, const bool vnni)
{
#if ISA_LEVEL == 2
    if (vnni) { /* in words of its own, as the compiler may not use it elsewhere */
        __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
        return acc;
    }
    const __m512i pairs = _mm512_maddubs_epi16((__m512i)x, (__m512i)w);
    return acc + (vec_int)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
#elif ISA_LEVEL == 1
    UNUSED(vnni);
    const __m256i pairs = _mm256_maddubs_epi16((__m256i)x, (__m256i)w);
    return acc + (vec_int)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
#else
    UNUSED(vnni);
    /* Even and odd bytes as 16-bit numbers, two to a lane. */
    typedef int16_t halves __attribute__((vector_size(VEC * sizeof(float))));
    const vec_int even = x & 0xff00ff, odd = (vec_int)((halves)x >> 8) & 0xff00ff;
    const vec_int w_even = (vec_int)(((halves)w << 8) >> 8), w_odd = (vec_int)((halves)w >> 8);
#if defined(__SSE2__)
    return acc + (vec_int)_mm_madd_epi16((__m128i)even, (__m128i)w_even) +
           (vec_int)_mm_madd_epi16((__m128i)odd, (__m128i)w_odd);
#else
    acc += (even & 0xffff) * ((w_even << 16) >> 16) + (even >> 16) * (w_even >> 16);
    return acc + (odd & 0xffff) * ((w_odd << 16) >> 16) + (odd >> 16) * (w_odd >> 16);
#endif
#endif
}

/* The first or second bfloat16 of each lane as float32. */
TILE_INLINE vec half_of(vec_int v, const int second)
{
    return second ? (vec)(v & (int32_t)0xffff0000) : (vec)(v << 16);
}

/* The shape of a tile and what it makes, as numbers that the compiler knows. */
struct shape {
    int pixels, blocks;
    enum narrow_kind kind;
};

/* All sums of a tile, one after the other: acc[p * vecs + v]. */
#define EACH_SUM                                                                                   \
    TILE_UNROLL                                                                                    \
    for (int p = 0; p < s.pixels; p++)                                                             \
        TILE_UNROLL                                                                                \
    for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
#define SUM(p, v) acc[(p)*s.blocks * BLOCK_VECS + (v)]

TILE_INLINE void step_bytes(const struct shape s, const int64_t at[], const uint8_t *x,
                            const uint8_t *const w[], int64_t from, vec_int acc[VECS_MOST])
{
    vec_int weight[NARROW_BLOCKS_MOST * BLOCK_VECS];
    TILE_UNROLL
    for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
        weight[v] = words_load(w[v / BLOCK_VECS] + from + v % BLOCK_VECS * (int)sizeof(vec));
    TILE_UNROLL
    for (int p = 0; p < s.pixels; p++) {
        const vec_int word = word_all(x + at[p]);
        TILE_UNROLL
        for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
            SUM(p, v) = dot_bytes(SUM(p, v), word, weight[v], s.kind == NARROW_SUM_VNNI);
    }
}

TILE_INLINE void step_halves(const struct shape s, const int64_t at[], const uint8_t *x,
                             const uint8_t *const w[], int64_t from, vec acc[VECS_MOST])
{
    vec_int weight[NARROW_BLOCKS_MOST * BLOCK_VECS];
    TILE_UNROLL
    for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
        weight[v] = words_load(w[v / BLOCK_VECS] + from + v % BLOCK_VECS * (int)sizeof(vec));
#if ISA_LEVEL == 2
    if (s.kind == NARROW_SUM_BF16) {
        TILE_UNROLL
        for (int p = 0; p < s.pixels; p++) {
            const vec_int word = word_all(x + at[p]);
            TILE_UNROLL
            for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
                __asm__("vdpbf16ps %2, %1, %0" : "+v"(SUM(p, v)) : "v"(word), "v"(weight[v]));
        }
        return;
    }
#endif
    TILE_UNROLL
    for (int h = 0; h < 2; h++) {
        vec half[NARROW_BLOCKS_MOST * BLOCK_VECS];
        TILE_UNROLL
        for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
            half[v] = half_of(weight[v], h);
        TILE_UNROLL
        for (int p = 0; p < s.pixels; p++) {
            const vec one = s.kind == NARROW_SUM_F32 ? vec_all(((const float_any *)(x + at[p]))[h])
                                                     : half_of(word_all(x + at[p]), h);
            TILE_UNROLL
            for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
                SUM(p, v) += one * half[v];
        }
    }
}

/* ---- tiles ---- */

TILE_INLINE bool is_integers(const struct shape s)
{
    return s.kind == NARROW_SUM_U8 || s.kind == NARROW_SUM_VNNI;
}

TILE_INLINE void tile_words(struct narrow_tile *t, const struct shape s)
{
    const int64_t x_word = s.kind == NARROW_SUM_F32 ? 8 : 4;
    vec_int whole[VECS_MOST];
    vec real[VECS_MOST];
    int64_t at[NARROW_PIXELS_MOST], from = 0;
    const uint8_t *w[NARROW_BLOCKS_MOST];
    TILE_UNROLL
    for (int p = 0; p < s.pixels; p++)
        at[p] = t->at[p];
    TILE_UNROLL
    for (int b = 0; b < s.blocks; b++)
        w[b] = t->w[b];
    TILE_UNROLL
    for (int i = 0; i < s.pixels * s.blocks * BLOCK_VECS; i++) {
        whole[i] = (vec_int){0};
        real[i] = vec_all(0);
    }
    for (int64_t ky = 0; ky < t->rows; ky++)
        for (int64_t kx = 0; kx < t->columns; kx++) {
            const uint8_t *place = t->x + ky * t->x_row + kx * t->x_column;
            for (int64_t b = 0; b < t->blocks; b++, place += t->x_block) {
                const uint8_t *x = place,
                              *end = x + (b + 1 < t->blocks ? t->words : t->last) * x_word;
                for (; x < end; x += x_word, from += BLOCK * (int)sizeof(int32_t))
                    if (is_integers(s))
                        step_bytes(s, at, x, w, from, whole);
                    else
                        step_halves(s, at, x, w, from, real);
            }
        }
    TILE_UNROLL
    for (int p = 0; p < s.pixels; p++)
        TILE_UNROLL
    for (int v = 0; v < s.blocks * BLOCK_VECS; v++) {
        const int i = p * s.blocks * BLOCK_VECS + v;
        uint32_t *to = t->sums + v / BLOCK_VECS * t->sums_block + p * BLOCK + v % BLOCK_VECS * VEC;
        *(vec *)to = is_integers(s) ? (vec)whole[i] : real[i];
    }
}

/* Depthwise: each kernel place has 16 channels and their weights. */
static void tile_deep(struct narrow_tile *t)
{
    const float *w = (const float *)(const void *)t->w[0];
    vec acc[PIXELS][BLOCK_VECS];
    int64_t at[PIXELS];
    TILE_UNROLL
    for (int p = 0; p < PIXELS; p++)
        at[p] = t->at[p];
    TILE_UNROLL
    for (int i = 0; i < PIXELS * BLOCK_VECS; i++)
        acc[i / BLOCK_VECS][i % BLOCK_VECS] = vec_all(0);
    for (int64_t ky = 0; ky < t->rows; ky++)
        for (int64_t kx = 0; kx < t->columns; kx++, w += BLOCK) {
            const uint8_t *const place = t->x + ky * t->x_row + kx * t->x_column;
            TILE_UNROLL
            for (int i = 0; i < PIXELS * BLOCK_VECS; i++) {
                const int p = i / BLOCK_VECS, v = i % BLOCK_VECS * VEC;
                const float *x = (const float *)(const void *)(place + at[p]);
                acc[p][v / VEC] += vec_load(x + v) * vec_load(w + v);
            }
        }
    TILE_UNROLL
    for (int i = 0; i < PIXELS * BLOCK_VECS; i++)
        *(vec *)(t->sums + i * VEC) = acc[i / BLOCK_VECS][i % BLOCK_VECS];
}

#define TILE(name, kind, pixels, blocks)                                                           \
    static void name(struct narrow_tile *t)                                                        \
    {                                                                                              \
        tile_words(t, (struct shape){pixels, blocks, kind});                                       \
    }
TILE(tile_u8, NARROW_SUM_U8, PIXELS, BLOCKS)
TILE(tile_f32, NARROW_SUM_F32, PIXELS, BLOCKS)
#if ISA_LEVEL > 0
TILE(flat_u8, NARROW_SUM_U8, 1, NARROW_BLOCKS_MOST)
TILE(flat_f32, NARROW_SUM_F32, 1, NARROW_BLOCKS_MOST)
#endif
#if ISA_LEVEL == 2
TILE(tile_vnni, NARROW_SUM_VNNI, PIXELS, BLOCKS)
TILE(tile_dot, NARROW_SUM_BF16, PIXELS, BLOCKS)
TILE(flat_vnni, NARROW_SUM_VNNI, 1, NARROW_BLOCKS_MOST)
TILE(flat_dot, NARROW_SUM_BF16, 1, NARROW_BLOCKS_MOST)
#endif

void ISA_NAME(narrow_tile)(struct narrow_tile *t, enum narrow_kind kind, bool flat)
{
    static void (*const all[NARROW_KINDS][2])(struct narrow_tile *) = {
#if ISA_LEVEL > 0
        [NARROW_SUM_U8][1] = flat_u8,
        [NARROW_SUM_F32][1] = flat_f32,
#endif
#if ISA_LEVEL == 2
        [NARROW_SUM_VNNI] = {tile_vnni, flat_vnni},
        [NARROW_SUM_BF16] = {tile_dot, flat_dot},
#endif
        [NARROW_SUM_U8][0] = tile_u8,
        [NARROW_SUM_F32][0] = tile_f32,
        [NARROW_SUM_DEEP][0] = tile_deep,
    };
    all[kind][flat](t);
}
