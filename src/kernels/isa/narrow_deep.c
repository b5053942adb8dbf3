/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The depthwise form: each kernel place has 16 channels and their weights. */
#include "kernels/isa/narrow_tile.h"

typedef uint8_t bytes_any __attribute__((vector_size(64), aligned(1), may_alias));

/* x as it is, widened where it is read. */
TILE_INLINE void deep_as(const struct narrow_tile *t, const enum narrow_type type)
{
    const struct shape s = {PIXELS, 1, 1, NARROW_SUM_DEEP};
    const struct narrow_data plain = {.scale = 1};
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
                i.real[k] = vec_fma(widened(&plain, type, x), vec_load(w + v), i.real[k]);
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

/* Four pixels of a row are one register: in each lane the four bytes of one channel, which meet the
 * weights of four columns. Weights have more than seven bits: two bytes. */
void narrow_deep_vnni(const struct narrow_tile *t)
{
    const struct shape s = {PIXELS, 1, 1, NARROW_SUM_DEEP_VNNI};
    /* Byte 4 * lane + p is that lane of pixel p. */
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i turned = _mm512_add_epi32(_mm512_mullo_epi32(lane, _mm512_set1_epi32(0x01010101)),
                                            _mm512_set1_epi32(0x30201000));
    const uint8_t *w = t->w[1];
    vec_int high[PIXELS];
    struct steps i;
    TILE_UNROLL
    for (int p = 0; p < PIXELS; p++)
        i.whole[p] = high[p] = (vec_int){0};
    for (int64_t ky = 0; ky < t->rows; ky++)
        for (int64_t kx = 0; kx < t->columns; kx += NARROW_RUN, w += 2 * sizeof(vec)) {
            const uint8_t *const place = t->x + ky * t->x_row + kx * t->x_column;
            const __m512i w_low = _mm512_loadu_si512(w);
            const __m512i w_high = _mm512_loadu_si512(w + sizeof(vec));
            TILE_UNROLL
            for (int p = 0; p < PIXELS; p++) {
                __m512i x;
                __asm__("vpermb %1, %2, %0"
                        : "=v"(x)
                        : "m"(*(const bytes_any *)(place + t->at[p])), "v"(turned));
                __asm__("vpdpbusd %2, %1, %0" : "+v"(i.whole[p]) : "v"(x), "v"(w_low));
                __asm__("vpdpbusd %2, %1, %0" : "+v"(high[p]) : "v"(x), "v"(w_high));
            }
        }
    TILE_UNROLL
    for (int p = 0; p < PIXELS; p++)
        i.whole[p] += high[p] << NARROW_LOW_BITS;
    end_of(t, s, &i);
}

/* Two positions are one register: their even channels and their odd ones are float32 after one
 * instruction each. */
void narrow_deep_bf16(const struct narrow_tile *t)
{
    const struct shape s = {PIXELS, 1, 1, NARROW_SUM_DEEP_BF16};
    const __m512i evens = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6, 8, 10, 12, 14);
    const __m512i odds = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15);
    const __m512i first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
    const float *w = (const float *)(const void *)t->w[0];
    __m512 even[PIXELS / 2], odd[PIXELS / 2];
    struct steps i;
    TILE_UNROLL
    for (int p = 0; p < PIXELS / 2; p++)
        even[p] = odd[p] = _mm512_setzero_ps();
    for (int64_t ky = 0; ky < t->rows; ky++)
        for (int64_t kx = 0; kx < t->columns; kx++, w += BLOCK) {
            const uint8_t *const place = t->x + ky * t->x_row + kx * t->x_column;
            const __m512 w_even = _mm512_permutexvar_ps(evens, _mm512_loadu_ps(w));
            const __m512 w_odd = _mm512_permutexvar_ps(odds, _mm512_loadu_ps(w));
            TILE_UNROLL
            for (int p = 0; p < PIXELS / 2; p++) {
                const __m256i one = _mm256_loadu_si256((const void *)(place + t->at[2 * p]));
                const __m256i two = _mm256_loadu_si256((const void *)(place + t->at[2 * p + 1]));
                const vec_int x = (vec_int)_mm512_inserti64x4(_mm512_castsi256_si512(one), two, 1);
                even[p] = _mm512_fmadd_ps((__m512)half_of(x, 0), w_even, even[p]);
                odd[p] = _mm512_fmadd_ps((__m512)half_of(x, 1), w_odd, odd[p]);
            }
        }
    TILE_UNROLL
    for (int p = 0; p < PIXELS / 2; p++) {
        i.real[2 * p] = (vec)_mm512_permutex2var_ps(even[p], first, odd[p]);
        i.real[2 * p + 1] = (vec)_mm512_permutex2var_ps(even[p], second, odd[p]);
    }
    end_of(t, s, &i);
}

#endif
