/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The sums of a tile of low precision. A step takes one word, four bytes or two bfloat16, of each
 * position and multiplies it by that word of 16 outputs. */
#include "kernels/isa/act.h"
#include "kernels/isa/narrow_tile.h"

enum {
    RUN = NARROW_RUN,
    WORD = 4, /* bytes */
    AHEAD = NARROW_AHEAD,
    LINE = NARROW_LINE,
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

/* Part c of the sum of position p in register v of its outputs. */
#define SUM(c, p, v) acc[((c)*s.pixels + (p)) * s.blocks * BLOCK_VECS + (v)]

TILE_INLINE void step_bytes(const struct shape s, const int64_t at[], const uint8_t *x,
                            const uint8_t *const w[], const int ahead, const int chain,
                            vec_int acc[VECS_MOST])
{
    vec_int weight[NARROW_BLOCKS_MOST * BLOCK_VECS];
    TILE_UNROLL
    for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
        weight[v] =
            words_load(w[v / BLOCK_VECS] + ahead * BLOCK * WORD + v % BLOCK_VECS * VEC * WORD);
    TILE_UNROLL
    for (int p = 0; p < s.pixels; p++) {
        const vec_int word = word_all(x + at[p]);
        TILE_UNROLL
        for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
            SUM(chain, p, v) =
                dot_bytes(SUM(chain, p, v), word, weight[v], s.kind == NARROW_SUM_VNNI);
    }
}

TILE_INLINE void step_halves(const struct shape s, const int64_t at[], const uint8_t *x,
                             const uint8_t *const w[], const int ahead, const int chain,
                             vec acc[VECS_MOST])
{
    vec_int weight[NARROW_BLOCKS_MOST * BLOCK_VECS];
    TILE_UNROLL
    for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
        weight[v] =
            words_load(w[v / BLOCK_VECS] + ahead * BLOCK * WORD + v % BLOCK_VECS * VEC * WORD);
#if ISA_LEVEL == 2
    if (s.kind == NARROW_SUM_BF16) {
        TILE_UNROLL
        for (int p = 0; p < s.pixels; p++) {
            const vec_int word = word_all(x + at[p]);
            TILE_UNROLL
            for (int v = 0; v < s.blocks * BLOCK_VECS; v++)
                __asm__("vdpbf16ps %2, %1, %0"
                        : "+v"(SUM(chain, p, v))
                        : "v"(word), "v"(weight[v]));
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
                SUM(chain, p, v) = vec_fma(one, half[v], SUM(chain, p, v));
        }
    }
}

/* ---- tiles ---- */

TILE_INLINE void step(struct steps *i, const struct shape s, const uint8_t *x, const int ahead)
{
    const int chain = ahead % s.chains;
    if (is_integers(s))
        step_bytes(s, i->at, x, i->w, ahead, chain, i->whole);
    else
        step_halves(s, i->at, x, i->w, ahead, chain, i->real);
}

TILE_INLINE void step_on(struct steps *i, const struct shape s, const int steps)
{
    TILE_UNROLL
    for (int b = 0; b < s.blocks; b++)
        i->w[b] += steps * BLOCK * WORD;
}

/* As the list says. All that a run needs is in registers for integers, or it would wait for the
 * vectors' before it. */
TILE_INLINE void listed(const struct narrow_tile *t, const uint8_t *from, struct steps *i,
                        const struct shape s)
{
    const uint32_t *const end = t->list + t->listed;
    const uint8_t *ahead = t->ahead;
    for (const uint32_t *entry = t->list; entry < end; entry++) {
        const uint8_t *x = from + (*entry & ~(uint32_t)(RUN - 1));
        int left = (int)(*entry & (RUN - 1));
        /* Only an address: there are no registers for one of each position. */
        __asm__("" : "+r"(x));
        if (left == RUN - 1) {
            TILE_UNROLL
            for (int k = 0; k < AHEAD; k++, ahead += LINE)
                __builtin_prefetch(ahead, 0, 2);
            TILE_UNROLL
            for (int k = 0; k < RUN; k++)
                step(i, s, x + k * WORD, k);
            step_on(i, s, RUN);
            continue;
        }
        for (; left >= 0; left--, x += WORD) {
            step(i, s, x, 0);
            step_on(i, s, 1);
        }
    }
}

/* Place by place. */
TILE_INLINE void nested(const struct narrow_tile *t, struct steps *i, const struct shape s)
{
    const int64_t word = s.kind == NARROW_SUM_F32 ? 2 * WORD : WORD;
    for (int64_t ky = 0; ky < t->rows; ky++)
        for (int64_t kx = 0; kx < t->columns; kx++) {
            const uint8_t *place = t->x + ky * t->x_row + kx * t->x_column;
            for (int64_t b = 0; b < t->blocks; b++, place += t->x_block) {
                const uint8_t *x = place,
                              *end = x + (b + 1 < t->blocks ? t->words : t->last) * word;
                for (; x < end; x += word) {
                    step(i, s, x, 0);
                    step_on(i, s, 1);
                }
            }
        }
}

/* The sums of the positions that begin at x. */
TILE_INLINE void sums_of(const struct narrow_tile *t, const uint8_t *x, const struct shape s,
                         struct steps *i)
{
    const int sums = s.pixels * s.blocks * BLOCK_VECS;
    TILE_UNROLL
    for (int p = 0; p < s.pixels; p++)
        i->at[p] = t->at[p];
    TILE_UNROLL
    for (int b = 0; b < s.blocks; b++)
        i->w[b] = t->w[b];
    TILE_UNROLL
    for (int k = 0; k < s.chains * sums; k++) {
        i->whole[k] = (vec_int){0};
        i->real[k] = vec_all(0);
    }
    if (narrow_listed(s.kind))
        listed(t, x, i, s);
    else
        nested(t, i, s);
    TILE_UNROLL
    for (int k = sums; k < s.chains * sums; k++) {
        i->whole[k % sums] += i->whole[k];
        i->real[k % sums] += i->real[k];
    }
}

#if ISA_LEVEL == 2
/* Four positions' sums of one block as numbers. */
TILE_INLINE void numbers_of(const uint32_t *sums, const bool integers, vec scale, vec bias,
                            vec number[FOUR])
{
    TILE_UNROLL
    for (int k = 0; k < FOUR; k++) {
        number[k] = *(const vec *)(const void *)(sums + k * BLOCK);
        if (integers)
            number[k] = vec_once(__builtin_convertvector((vec_int)number[k], vec), scale, bias);
        else
            number[k] = number[k] + bias;
    }
}

/* They to y, float32; sum is that too or of x's type. What is in e is read before y is written. */
TILE_INLINE void floats_store(const struct end *e, const bool integers, int64_t at,
                              vec number[FOUR])
{
    const int64_t step = e->step, sum_step = step >> e->narrower;
    const uint8_t *const sum = e->sum ? e->sum + (at >> e->narrower) : NULL;
    uint8_t *const y = e->y + at;
    TILE_UNROLL
    for (int k = 0; k < FOUR && sum; k++) {
        if (e->narrower && integers)
            number[k] = vec_once(widened(NARROW_U8, e->sum_zero, sum + k * sum_step), e->sum_scale,
                                 number[k]);
        else
            number[k] =
                number[k] + widened(e->narrower ? NARROW_BF16 : NARROW_F32, 0, sum + k * sum_step);
    }
    TILE_UNROLL
    for (int k = 0; k < FOUR; k++)
        number[k] = vec_clamp(number[k], e->kept.low, e->kept.high);
    TILE_UNROLL
    for (int k = 0; k < FOUR; k++)
        vec_store((float *)(void *)(y + k * step), number[k]);
}

/* They, activated, to y; of x's type. bfloat16 is seldom enough to be rolled up. */
TILE_INLINE void gelu_store(const struct end *e, const struct shape s, int64_t at, vec reciprocal,
                            vec number[FOUR])
{
    if (is_integers(s)) {
        vec_gelu_bytes(number, FOUR);
        TILE_UNROLL
        for (int k = 0; k < FOUR; k++)
            number[k] = number[k] * reciprocal;
    } else {
        ISA_UNROLL(1)
        for (int k = 0; k < FOUR; k++)
            number[k] = vec_gelu(number[k]);
    }
    end_store(e, s, FOUR, number, e->y + at);
}

/* The ends that would be long in each kind of tile: float32, and the activation of transformers
 * without a sum. Sums are in memory. y and sum are where the tile's begin; the tile's own struct
 * end stays in its registers. */
TILE_INLINE void end_rolled(const struct narrow_tile *t, const struct shape s, uint8_t *y,
                            const uint8_t *sum, const bool floats)
{
    struct end e = end_begin(t, s, true);
    const bool integers = is_integers(s);
    const vec reciprocal = vec_all(integers && !floats ? 1.0f / t->end->y.scale : 1);
    e.y = y;
    e.sum = sum;
    for (int v = 0; v < BLOCKS; v++) {
        const int64_t lane = t->lane + v * BLOCK;
        const vec scale = integers ? vec_load(t->end->scale + lane) : vec_all(1);
        const vec bias = t->end->bias ? vec_load(t->end->bias + lane) : vec_all(-0.0f);
        for (int p = 0; p < PIXELS; p += FOUR) {
            const int64_t at = v * e.block + p * e.step;
            vec number[FOUR];
            numbers_of(t->sums + v * t->sums_block + p * BLOCK, integers, scale, bias, number);
            if (floats)
                floats_store(&e, integers, at, number);
            else
                gelu_store(&e, s, at, reciprocal, number);
        }
    }
}

/* Apart: the constants of one are not made for the other. */
static __attribute__((noinline)) void end_floats(const struct narrow_tile *t, enum narrow_kind kind,
                                                 uint8_t *y, const uint8_t *sum)
{
    end_rolled(t, (struct shape){.kind = kind}, y, sum, true);
}

static __attribute__((noinline)) void end_gelu(const struct narrow_tile *t, enum narrow_kind kind,
                                               uint8_t *y, const uint8_t *sum)
{
    end_rolled(t, (struct shape){.kind = kind}, y, sum, false);
}
#endif

TILE_INLINE void tile_words(const struct narrow_tile *t, const struct shape s)
{
    struct steps i;
#if ISA_LEVEL == 2
    if (narrow_listed(s.kind) && s.pixels <= PIXELS) {
        const uint8_t *x = t->x;
        struct end e;
        if (t->end)
            e = end_begin(t, s, s.blocks == BLOCKS);
        const bool rolled = s.blocks == BLOCKS && t->end && e.rolled;
        for (int64_t left = t->count; left > 0; x += end_next(t, &e, left)) {
            sums_of(t, x, s, &i);
            if (!t->end || rolled)
                end_sums(t, s, &i);
            if (!t->end)
                return;
            if (rolled)
                (t->end->y.type == NARROW_F32 ? end_floats : end_gelu)(t, s.kind, e.y, e.sum);
            else
                end_tile(t, s, &i, &e);
            left -= PIXELS;
        }
        return;
    }
#endif
    sums_of(t, t->x, s, &i);
    end_sums(t, s, &i);
}

#define TILE(name, kind, pixels, blocks, chains)                                                   \
    static void name(const struct narrow_tile *t)                                                  \
    {                                                                                              \
        tile_words(t, (struct shape){pixels, blocks, chains, kind});                               \
    }
TILE(tile_u8, NARROW_SUM_U8, PIXELS, BLOCKS, 1)
TILE(tile_f32, NARROW_SUM_F32, PIXELS, BLOCKS, 1)
#if ISA_LEVEL > 0
TILE(flat_u8, NARROW_SUM_U8, 1, NARROW_BLOCKS_MOST, 1)
TILE(flat_f32, NARROW_SUM_F32, 1, NARROW_BLOCKS_MOST, 1)
#endif
#if ISA_LEVEL == 2
TILE(tile_vnni, NARROW_SUM_VNNI, PIXELS, BLOCKS, 1)
TILE(tile_dot, NARROW_SUM_BF16, PIXELS, BLOCKS, 1)
/* Squares of odd numbers leave one position over. */
TILE(last_vnni, NARROW_SUM_VNNI, PIXELS + 1, BLOCKS, 1)
TILE(last_dot, NARROW_SUM_BF16, PIXELS + 1, BLOCKS, 1)
TILE(single_vnni, NARROW_SUM_VNNI, PIXELS, 1, 2)
TILE(single_dot, NARROW_SUM_BF16, PIXELS, 1, 2)
#endif

#if ISA_LEVEL == 2
bool narrow_bounded(const struct narrow_end *e, int64_t lane, int64_t lanes, float most)
{
    const float sum = e->sum.data ? UINT8_MAX * e->sum.scale : 0;
    const vec limit = vec_all(0x1p30f * e->y.scale - sum);
    vec_int inside = ~(vec_int){0};
    for (int64_t i = lane; i < lane + lanes; i += VEC) {
        const vec scale = (vec)((vec_int)vec_load(e->scale + i) & INT32_MAX);
        const vec bias = e->bias ? (vec)((vec_int)vec_load(e->bias + i) & INT32_MAX) : vec_all(0);
        inside &= vec_fma(scale, vec_all(most), bias) < limit;
    }
    return _mm512_movepi32_mask((__m512i)inside) == UINT16_MAX;
}
#endif

void ISA_NAME(narrow_tile)(const struct narrow_tile *t, enum narrow_kind kind,
                           enum narrow_cutting cutting)
{
    static void (*const all[NARROW_KINDS][NARROW_CUTTINGS])(const struct narrow_tile *) = {
#if ISA_LEVEL > 0
        [NARROW_SUM_U8][NARROW_FLAT] = flat_u8,
        [NARROW_SUM_F32][NARROW_FLAT] = flat_f32,
#endif
#if ISA_LEVEL == 2
        [NARROW_SUM_VNNI] = {tile_vnni, last_vnni, single_vnni},
        [NARROW_SUM_BF16] = {tile_dot, last_dot, single_dot},
#endif
        [NARROW_SUM_U8][NARROW_TILE] = tile_u8,
        [NARROW_SUM_F32][NARROW_TILE] = tile_f32,
        [NARROW_SUM_DEEP][NARROW_TILE] = ISA_NAME(narrow_deep),
#if ISA_LEVEL == 2
        [NARROW_SUM_DEEP_VNNI][NARROW_TILE] = narrow_deep_vnni,
        [NARROW_SUM_DEEP_BF16][NARROW_TILE] = narrow_deep_bf16,
#endif
    };
    all[kind][cutting](t);
}
