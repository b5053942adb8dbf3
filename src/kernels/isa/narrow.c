/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The sums of a tile of low precision. A step takes one word, four bytes or two bfloat16, of each
 * position and multiplies it by that word of 16 outputs. */
#include "kernels/isa/narrow_end.h"

#if ISA_LEVEL == 2
enum { PIXELS = 8, BLOCKS = 2 };
#elif ISA_LEVEL == 1
enum { PIXELS = 5, BLOCKS = 1 };
#else
enum { PIXELS = 2, BLOCKS = 1 };
#endif

enum {
    RUN = NARROW_RUN,
    WORD = 4, /* bytes */
    FOUR = 4, /* positions that are stored at once */
};
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

/* a + x * w, rounded once where the level has that. */
TILE_INLINE vec sum_of(vec a, vec x, vec w)
{
#if ISA_LEVEL == 2
    return (vec)_mm512_fmadd_ps((__m512)x, (__m512)w, (__m512)a);
#elif ISA_LEVEL == 1
    return (vec)_mm256_fmadd_ps((__m256)x, (__m256)w, (__m256)a);
#else
    return a + x * w;
#endif
}

/* The shape of a tile and what it makes, as numbers that the compiler knows. Each sum is made in
 * `chains` parts, or a product would wait for the one before it. */
struct shape {
    int pixels, blocks, chains;
    enum narrow_kind kind;
};

/* Part c of the sum of position p in register v of its outputs. */
#define SUM(c, p, v) acc[((c)*s.pixels + (p)) * s.blocks * BLOCK_VECS + (v)]

TILE_INLINE void step_bytes(const struct shape s, const int64_t at[], const uint8_t *x,
                            const uint8_t *const w[], int64_t from, const int chain,
                            vec_int acc[VECS_MOST])
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
            SUM(chain, p, v) =
                dot_bytes(SUM(chain, p, v), word, weight[v], s.kind == NARROW_SUM_VNNI);
    }
}

TILE_INLINE void step_halves(const struct shape s, const int64_t at[], const uint8_t *x,
                             const uint8_t *const w[], int64_t from, const int chain,
                             vec acc[VECS_MOST])
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
                SUM(chain, p, v) = sum_of(SUM(chain, p, v), one, half[v]);
        }
    }
}

/* ---- tiles ---- */

TILE_INLINE bool is_integers(const struct shape s)
{
    return s.kind == NARROW_SUM_U8 || s.kind == NARROW_SUM_VNNI;
}

/* Where a tile's steps have come to. */
struct steps {
    int64_t at[NARROW_PIXELS_MOST];
    const uint8_t *w[NARROW_BLOCKS_MOST];
    int64_t from; /* of the weights */
    vec_int whole[VECS_MOST];
    vec real[VECS_MOST];
};

TILE_INLINE void step(struct steps *i, const struct shape s, const uint8_t *x, const int ahead)
{
    const int64_t from = i->from + ahead * BLOCK * WORD;
    const int chain = ahead % s.chains;
    if (is_integers(s))
        step_bytes(s, i->at, x, i->w, from, chain, i->whole);
    else
        step_halves(s, i->at, x, i->w, from, chain, i->real);
}

TILE_INLINE void step_on(struct steps *i, const int steps)
{
    i->from += steps * BLOCK * WORD;
}

/* As the list says. */
TILE_INLINE void listed(const struct narrow_tile *t, struct steps *i, const struct shape s)
{
    const uint8_t *base = t->x;
    for (int64_t row = 0; row < t->rows; row++, base += t->x_row)
        for (int64_t n = 0; n < t->listed; n++) {
            const uint8_t *x = base + (t->list[n] & ~(uint32_t)(RUN - 1));
            int left = (int)(t->list[n] & (RUN - 1));
            /* Only an address: there are no registers for one of each position. */
            __asm__("" : "+r"(x));
            if (left == RUN - 1) {
                TILE_UNROLL
                for (int k = 0; k < RUN; k++)
                    step(i, s, x + k * WORD, k);
                step_on(i, RUN);
                continue;
            }
            for (; left >= 0; left--, x += WORD) {
                step(i, s, x, 0);
                step_on(i, 1);
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
                    step_on(i, 1);
                }
            }
        }
}

/* ---- ends ---- */

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
    const int bytes = is_integers(s) ? 1 : 2, many = MIN((int)FOUR, s.pixels);
    const uint8_t *const sum = e->sum.data ? (const uint8_t *)e->sum.data + t->to * bytes : NULL;
    struct bounds kept = bounds_of(&e->epilogue);
    vec reciprocal = vec_all(1);
    if (is_integers(s)) {
        /* Beyond 512 no zero point brings anything back. */
        kept.high = vec_clamp(vec_all(512 * e->y.scale), vec_all(-INFINITY), kept.high);
        reciprocal = vec_all(1 / e->y.scale);
    }
    TILE_UNROLL
    for (int v = 0; v < s.blocks; v++) {
        const vec scale = is_integers(s) ? vec_load(e->scale + t->lane + v * BLOCK) : vec_all(1);
        /* -0 adds nothing. */
        const vec bias = e->bias ? vec_load(e->bias + t->lane + v * BLOCK) : vec_all(-0.0f);
        TILE_UNROLL
        for (int p = 0; p < s.pixels; p += many) {
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

#else

TILE_INLINE void end_tile(const struct narrow_tile *t, const struct shape s, const struct steps *i)
{
    end_sums(t, s, i); /* no kind here has an instruction of its own */
}

#endif

TILE_INLINE void tile_words(const struct narrow_tile *t, const struct shape s)
{
    struct steps i;
    const int sums = s.pixels * s.blocks * BLOCK_VECS;
    TILE_UNROLL
    for (int p = 0; p < s.pixels; p++)
        i.at[p] = t->at[p];
    TILE_UNROLL
    for (int b = 0; b < s.blocks; b++)
        i.w[b] = t->w[b];
    TILE_UNROLL
    for (int k = 0; k < s.chains * sums; k++) {
        i.whole[k] = (vec_int){0};
        i.real[k] = vec_all(0);
    }
    i.from = 0;
    if (narrow_listed(s.kind))
        listed(t, &i, s);
    else
        nested(t, &i, s);
    TILE_UNROLL
    for (int k = sums; k < s.chains * sums; k++) {
        i.whole[k % sums] += i.whole[k];
        i.real[k % sums] += i.real[k];
    }
    if (narrow_listed(s.kind) && t->end)
        end_tile(t, s, &i);
    else
        end_sums(t, s, &i);
}

/* Depthwise: each kernel place has 16 channels and their weights. */
static void tile_deep(const struct narrow_tile *t)
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
                acc[p][v / VEC] = sum_of(acc[p][v / VEC], vec_load(x + v), vec_load(w + v));
            }
        }
    TILE_UNROLL
    for (int i = 0; i < PIXELS * BLOCK_VECS; i++)
        *(vec *)(t->sums + i * VEC) = acc[i / BLOCK_VECS][i % BLOCK_VECS];
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
TILE(single_vnni, NARROW_SUM_VNNI, PIXELS, 1, 2)
TILE(single_dot, NARROW_SUM_BF16, PIXELS, 1, 2)
TILE(flat_vnni, NARROW_SUM_VNNI, 1, NARROW_BLOCKS_MOST, 4)
TILE(flat_dot, NARROW_SUM_BF16, 1, NARROW_BLOCKS_MOST, 4)
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
        [NARROW_SUM_VNNI] = {tile_vnni, single_vnni, flat_vnni},
        [NARROW_SUM_BF16] = {tile_dot, single_dot, flat_dot},
#endif
        [NARROW_SUM_U8][NARROW_TILE] = tile_u8,
        [NARROW_SUM_F32][NARROW_TILE] = tile_f32,
        [NARROW_SUM_DEEP][NARROW_TILE] = tile_deep,
    };
    all[kind][cutting](t);
}
