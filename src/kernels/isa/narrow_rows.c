/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The depthwise form of bytes over windows of three by three: what most networks have. Two rows of
 * the image become one of registers, in each lane both rows' numbers of one channel, which meet two
 * rows of weights of 16 bits at once: no weight need be cut in two, and a pixel is put in place
 * once for all windows that have it. */
#include "kernels/isa/narrow_tile.h"

#if ISA_LEVEL == 2

enum { SIDE = 3, PAIRS = 2 }; /* a window lies in two pairs of rows */

typedef uint8_t bytes_any __attribute__((vector_size(64), aligned(1), may_alias));

/* What all tiles of a call share. */
struct rows {
    const struct narrow *c;
    const uint8_t *plane;      /* of x */
    int64_t columns;           /* that windows read, those beyond the image included */
    int64_t inside;            /* of them, the image's */
    vec_int *pairs[PAIRS];     /* [columns] */
    vec_int w[2][PAIRS][SIDE]; /* of an output row, and of the next one */
};

/* Weights as pairs. False when they are no whole numbers, or too large. */
static bool weights(struct rows *r, const float *w)
{
    vec_int n[SIDE][SIDE], wrong = {0};
    for (int k = 0; k < SIDE * SIDE; k++, w += BLOCK) {
        const vec v = vec_load(w);
        const vec_int one = vec_round(v);
        wrong |= (__builtin_convertvector(one, vec) != v) | (one > NARROW_DEEP_MOST) |
                 (one < -NARROW_DEEP_MOST);
        n[k / SIDE][k % SIDE] = one;
    }
    for (int k = 0; k < SIDE; k++) {
        r->w[0][0][k] = (n[0][k] & 0xffff) | n[1][k] << 16;
        r->w[0][1][k] = n[2][k] & 0xffff;
        r->w[1][0][k] = n[0][k] << 16;
        r->w[1][1][k] = (n[1][k] & 0xffff) | n[2][k] << 16;
    }
    return !_mm512_test_epi32_mask((__m512i)wrong, (__m512i)wrong);
}

/* Rows `row` and the next of the image, or what is taken for them outside of it, four pixels at a
 * time; of the last ones some once more. */
static void pair_rows(const struct rows *r, int64_t row, vec_int *to)
{
    const struct narrow *c = r->c;
    const __m512i outside = _mm512_set1_epi8((char)c->x.zero);
    const vec_int none = (vec_int)_mm512_set1_epi32(c->x.zero * 0x10001);
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    /* Bytes 4 * lane and 4 * lane + 2 are that lane of both rows. */
    const __m512i turned = _mm512_add_epi32(_mm512_mullo_epi32(lane, _mm512_set1_epi32(0x10001)),
                                            _mm512_set1_epi32(0x400000));
    const uint8_t *x[2];
    int64_t step[2];
    for (int i = 0; i < 2; i++) {
        const bool image = row + i >= 0 && row + i < c->in[0];
        x[i] = image ? r->plane + (row + i) * c->in[1] * BLOCK : (const uint8_t *)&outside;
        step[i] = image ? BLOCK : 0;
    }
    for (int64_t k = 0; k < c->pad[1]; k++)
        *to++ = none;
    for (int64_t k = 0; k < r->inside; k += FOUR) {
        const int64_t at = MIN(k, r->inside - FOUR);
        const bytes_any one = *(const bytes_any *)(x[0] + at * step[0]);
        const bytes_any two = *(const bytes_any *)(x[1] + at * step[1]);
        TILE_UNROLL
        for (int p = 0; p < FOUR; p++) {
            __m512i pair = _mm512_add_epi32(turned, _mm512_set1_epi32(p * 0x100010));
            __asm__("vpermi2b %2, %1, %0%{%3%}%{z%}"
                    : "+v"(pair)
                    : "v"(one), "v"(two), "Yk"(UINT64_C(0x5555555555555555)));
            to[at + p] = (vec_int)pair;
        }
    }
    for (int64_t k = c->pad[1] + r->inside; k < r->columns; k++)
        to[k - c->pad[1]] = none;
}

/* Four positions from column `at` of the pairs on: of two output rows, or of one whose two pairs
 * have sums of their own. A sum waits for the one before it; others come between both. */
TILE_INLINE void four(const struct rows *r, int64_t at, const int stride, struct steps sums[2])
{
    const int rows = stride == 1 ? 2 : 1;
    TILE_UNROLL
    for (int k = 0; k < 2 * FOUR; k++)
        sums[k / FOUR].whole[k % FOUR] = (vec_int){0};
    TILE_UNROLL
    for (int k = 0; k < SIDE * PAIRS; k++) {
        const int i = k % PAIRS, kx = k / PAIRS;
        TILE_UNROLL
        for (int p = 0; p < FOUR; p++) {
            const vec_int x = r->pairs[i][at + p * stride + kx];
            TILE_UNROLL
            for (int y = 0; y < rows; y++)
                __asm__("vpdpwssd %2, %1, %0"
                        : "+v"(sums[rows == 1 ? i : y].whole[p])
                        : "v"(x), "v"(r->w[y][i][kx]));
        }
    }
    TILE_UNROLL
    for (int p = 0; p < FOUR && rows == 1; p++)
        sums[0].whole[p] += sums[1].whole[p];
}

/* Output rows [0, rows) of a pair of rows: with stride 1 two, else one. */
TILE_INLINE void row_of(const struct narrow_tile *t, const struct rows *r, struct end *e,
                        const int stride, int64_t rows)
{
    const struct shape s = {FOUR, 1, 1, NARROW_SUM_DEEP_VNNI};
    const int64_t columns = r->c->out[1];
    struct steps sums[2];
    uint8_t *const y = e->y;
    for (int64_t k = 0; k < columns; k += FOUR) {
        const int64_t at = MIN(k, columns - FOUR);
        four(r, at * stride, stride, sums);
        e->y = y + at * BLOCK;
        end_tile(t, s, &sums[0], e);
        if (rows > 1) {
            e->y += columns * BLOCK;
            end_tile(t, s, &sums[1], e);
        }
    }
    e->y = y + rows * columns * BLOCK;
}

/* All `count` output rows whose first window begins at row `row` of the image. */
TILE_INLINE void all_rows(const struct narrow_tile *t, struct rows *r, int64_t row, int64_t count,
                          const int stride)
{
    const int most = stride == 1 ? 2 : 1; /* rows of a pair */
    const struct shape s = {FOUR, 1, 1, NARROW_SUM_DEEP_VNNI};
    struct end e = end_begin(t, s, false);
    e.sum = NULL; /* as the caller says: no code for one */
    pair_rows(r, row, r->pairs[0]);
    for (; count > 0; count -= most) {
        row += 2;
        pair_rows(r, row, r->pairs[1]);
        row_of(t, r, &e, stride, MIN(count, (int64_t)most));
        vec_int *const first = r->pairs[0];
        r->pairs[0] = r->pairs[1];
        r->pairs[1] = first;
    }
}

bool narrow_deep_rows(const struct narrow *c, const struct narrow_tile *t, int64_t first,
                      int64_t count, uint8_t *room)
{
    struct rows r = {.c = c, .plane = t->x, .columns = (c->out[1] - 1) * c->stride[1] + SIDE};
    r.inside = MIN(c->in[1], r.columns - c->pad[1]);
    if (!weights(&r, (const float *)(const void *)t->w[0]))
        return false;
    for (int i = 0; i < PAIRS; i++)
        r.pairs[i] = (vec_int *)(void *)(room + i * r.columns * (int)sizeof(vec_int));
    if (c->stride[0] == 1)
        all_rows(t, &r, first - c->pad[0], count, 1);
    else
        all_rows(t, &r, first * 2 - c->pad[0], count, 2);
    return true;
}

#endif
