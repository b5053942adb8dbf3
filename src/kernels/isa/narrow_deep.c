/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The depthwise form: each kernel place has 16 channels and their weights. */
#include "kernels/isa/narrow_tile.h"

typedef uint8_t bytes_any __attribute__((vector_size(64), aligned(1), may_alias));

enum { HALVES = 2 * (int)BLOCK }; /* a pixel of bfloat16 */

/* x as it is, widened where it is read. */
TILE_INLINE void deep_as(const struct narrow_tile *t, const enum narrow_type type)
{
    const struct shape s = {PIXELS, 1, 1, NARROW_SUM_DEEP};
    const int element = type == NARROW_U8 ? 1 : 2;
    const float *w = (const float *)(const void *)t->w[0];
    struct steps i;
    TILE_UNROLL
    for (int k = 0; k < PIXELS * BLOCK_VECS; k++)
        i.real[k] = vec_all(0);
    for (int64_t ky = 0; ky < t->rows; ky++)
        for (int64_t kx = 0; kx < t->columns; kx++, w += BLOCK) {
            const uint8_t *const place = t->x + ky * t->x_row + kx * t->x_column;
            TILE_UNROLL
            for (int k = 0; k < PIXELS * BLOCK_VECS; k++) {
                const int v = k % BLOCK_VECS * VEC;
                const uint8_t *x = place + t->at[k / BLOCK_VECS] + v * element;
                i.real[k] = vec_fma(widened(type, 0, x), vec_load(w + v), i.real[k]);
            }
        }
    end_sums(t, s, &i);
}

void ISA_NAME(narrow_deep)(const struct narrow_tile *t)
{
    if (t->type == NARROW_U8)
        deep_as(t, NARROW_U8);
    else
        deep_as(t, NARROW_BF16);
}

#if ISA_LEVEL == 2

bool narrow_deep_pack(const struct narrow *c, int64_t block, uint8_t *to)
{
    const int64_t columns = c->kernel[1], words = c->kernel[0] * narrow_runs(columns);
    const float *w = (const float *)c->w + block * c->kernel[0] * columns * BLOCK;
    vec_int wrong = {0};
    if (2 * words > NARROW_DEEP_WORDS_MOST)
        return false;
    for (int64_t ky = 0; ky < c->kernel[0]; ky++)
        for (int64_t kx = 0; kx < columns; to += 2 * sizeof(vec)) {
            vec_int low = {0}, high = {0};
            for (int k = 0; k < 8 * NARROW_RUN && kx < columns; k += 8, kx++, w += BLOCK) {
                const vec v = vec_load(w);
                const vec_int n = vec_round(v);
                const vec_int above = (n + (1 << (NARROW_LOW_BITS - 1))) >> NARROW_LOW_BITS;
                wrong |= (__builtin_convertvector(n, vec) != v) | (n > NARROW_DEEP_MOST) |
                         (n < -NARROW_DEEP_MOST);
                high |= (above & 0xff) << k;
                low |= ((n - (above << NARROW_LOW_BITS)) & 0xff) << k;
            }
            memcpy(to, &low, sizeof(low));
            memcpy(to + sizeof(vec), &high, sizeof(high));
        }
    return !_mm512_test_epi32_mask((__m512i)wrong, (__m512i)wrong);
}

struct deep {
    struct steps sums; /* of bytes: the low ones' */
    vec_int high[PIXELS];
    __m512 even[PIXELS / 2], odd[PIXELS / 2]; /* of bfloat16: channels */
};

/* Four pixels of a row are one register: in each lane the four bytes of one channel, which meet the
 * weights of four columns. Weights have more than seven bits: two bytes. */
TILE_INLINE void bytes_place(const struct narrow_tile *t, const uint8_t *place, const uint8_t *w,
                             struct deep *d)
{
    /* Byte 4 * lane + p is that lane of pixel p. */
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i turned = _mm512_add_epi32(_mm512_mullo_epi32(lane, _mm512_set1_epi32(0x01010101)),
                                            _mm512_set1_epi32(0x30201000));
    const __m512i w_low = _mm512_loadu_si512(w), w_high = _mm512_loadu_si512(w + sizeof(vec));
    TILE_UNROLL
    for (int p = 0; p < PIXELS; p++) {
        __m512i x;
        __asm__("vpermb %1, %2, %0"
                : "=v"(x)
                : "m"(*(const bytes_any *)(place + t->at[p])), "v"(turned));
        __asm__("vpdpbusd %2, %1, %0" : "+v"(d->sums.whole[p]) : "v"(x), "v"(w_low));
        __asm__("vpdpbusd %2, %1, %0" : "+v"(d->high[p]) : "v"(x), "v"(w_high));
    }
}

/* The weights of a place, as halves_of splits channels. */
struct places {
    __m512 even, odd;
};

TILE_INLINE struct places places_of(const float *w)
{
    const __m512i evens = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6, 8, 10, 12, 14);
    const __m512i odds = _mm512_add_epi32(evens, _mm512_set1_epi32(1));
    return (struct places){_mm512_permutexvar_ps(evens, _mm512_loadu_ps(w)),
                           _mm512_permutexvar_ps(odds, _mm512_loadu_ps(w))};
}

/* Two pixels, in one register if they are neighbours. */
TILE_INLINE vec_int two_of(const uint8_t *one, const uint8_t *two, const bool neighbours)
{
    vec_int both;
    if (neighbours)
        both = (vec_int)_mm512_loadu_si512(one);
    else
        both = (vec_int)_mm512_inserti64x4(
            _mm512_castsi256_si512(_mm256_loadu_si256((const void *)one)),
            _mm256_loadu_si256((const void *)two), 1);
    __asm__("" : "+v"(both)); /* or it would be read twice */
    return both;
}

/* Two positions are one register: their even channels and their odd ones are float32 after one
 * instruction each. */
TILE_INLINE void halves_place(vec_int both, const struct places *w, const int pair, struct deep *d)
{
    d->even[pair] = _mm512_fmadd_ps((__m512)half_of(both, 0), w->even, d->even[pair]);
    d->odd[pair] = _mm512_fmadd_ps((__m512)half_of(both, 1), w->odd, d->odd[pair]);
}

TILE_INLINE void deep_begin(struct deep *d)
{
    TILE_UNROLL
    for (int p = 0; p < PIXELS; p++) {
        d->sums.whole[p] = d->high[p] = (vec_int){0};
        d->even[p / 2] = d->odd[p / 2] = _mm512_setzero_ps();
    }
}

TILE_INLINE void deep_sum(const struct shape s, struct deep *d)
{
    const __m512i first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
    TILE_UNROLL
    for (int p = 0; p < PIXELS; p++) {
        const __m512i order = p % 2 ? second : first;
        if (is_integers(s))
            d->sums.whole[p] += d->high[p] << NARROW_LOW_BITS;
        else
            d->sums.real[p] = (vec)_mm512_permutex2var_ps(d->even[p / 2], order, d->odd[p / 2]);
    }
}

/* Any window. */
TILE_INLINE void window_any(const struct narrow_tile *t, const uint8_t *x, const struct shape s,
                            struct deep *d)
{
    const bool bytes = is_integers(s);
    const uint8_t *w = t->w[bytes ? 1 : 0];
    for (int64_t ky = 0; ky < t->rows; ky++)
        for (int64_t kx = 0; kx < t->columns; kx += bytes ? NARROW_RUN : 1) {
            const uint8_t *const place = x + ky * t->x_row + kx * t->x_column;
            if (bytes) {
                bytes_place(t, place, w, d);
                w += 2 * sizeof(vec);
                continue;
            }
            const struct places one = places_of((const float *)(const void *)w);
            TILE_UNROLL
            for (int p = 0; p < PIXELS / 2; p++)
                halves_place(two_of(place + t->at[2 * p], place + t->at[2 * p + 1], false), &one, p,
                             d);
            w += sizeof(vec);
        }
}

enum { SIDE = 3 };

/* A row of a window of three by three. Positions side by side read each two pixels once. */
TILE_INLINE void halves_row(const uint8_t *x, const struct places w[SIDE], const int across,
                            struct deep *d)
{
    const int step = across / HALVES; /* pixels from a position to the next */
    TILE_UNROLL
    for (int k = 0; k < SIDE + step * (PIXELS - 2); k++) {
        const vec_int both = two_of(x + k * HALVES, x + (k + step) * HALVES, step == 1);
        TILE_UNROLL
        for (int kx = 0; kx < SIDE; kx++)
            if (k >= kx && (k - kx) % (2 * step) == 0 && (k - kx) / (2 * step) < PIXELS / 2)
                halves_place(both, &w[kx], (k - kx) / (2 * step), d);
    }
}

/* All positions of a call. three: of bfloat16, a window of three by three without gaps, what most
 * networks have, over positions `across` bytes apart. */
TILE_INLINE void deep_run(const struct narrow_tile *t, const enum narrow_kind kind,
                          const bool three, const int across)
{
    const struct shape s = {PIXELS, 1, 1, kind};
    const uint8_t *x = t->x;
    struct places w[SIDE * SIDE];
    struct deep d;
    struct end e;
    if (t->end)
        e = end_begin(t, s, false);
    if (three)
        TILE_UNROLL
    for (int k = 0; k < SIDE * SIDE; k++)
        w[k] = places_of((const float *)(const void *)t->w[0] + k * BLOCK);
    for (int64_t left = t->count; left > 0;) {
        deep_begin(&d);
        if (!three)
            window_any(t, x, s, &d);
        TILE_UNROLL
        for (int ky = 0; three && ky < SIDE; ky++)
            halves_row(x + ky * t->x_row, w + ky * SIDE, across, &d);
        deep_sum(s, &d);
        left -= PIXELS;
        if (!t->end) {
            end_sums(t, s, &d.sums);
            break;
        }
        end_tile(t, s, &d.sums, &e);
        x += end_next(t, &e, left);
    }
}

void narrow_deep_vnni(const struct narrow_tile *t)
{
    deep_run(t, NARROW_SUM_DEEP_VNNI, false, 0);
}

void narrow_deep_bf16(const struct narrow_tile *t)
{
    const bool three =
        t->rows == SIDE && t->columns == SIDE && t->x_column == HALVES && t->count > PIXELS;
    if (three && t->across == HALVES)
        deep_run(t, NARROW_SUM_DEEP_BF16, true, HALVES);
    else if (three && t->across == 2 * HALVES)
        deep_run(t, NARROW_SUM_DEEP_BF16, true, 2 * HALVES);
    else
        deep_run(t, NARROW_SUM_DEEP_BF16, false, 0);
}

#endif
