/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pools of low precision. Compiled once, for every processor: they are a small part of a network,
 * and 16 bytes are one register of the least of them. */
#include <math.h>
#include <string.h>

#include "kernels/narrow_priv.h"
#include "tensor/tensor.h"

/* The places of one window that are inside of the image, and how many count for its mean. */
struct window {
    int64_t top, left, from[2], to[2], counted;
};

static void lay_rows(const struct block_pool *p, int64_t at, int d, struct window *w)
{
    int64_t *start = d ? &w->left : &w->top, from, to;
    *start = at * p->stride[d] - p->pad[d];
    block_places(*start, p->dilation[d], p->kernel[d], p->in[d], &w->from[d], &w->to[d]);
    from = w->from[d];
    to = w->to[d];
    if (p->count_pad)
        block_places(*start + p->pad[d], p->dilation[d], p->kernel[d],
                     p->in[d] + p->pad_end[d] + p->pad[d], &from, &to);
    w->counted = (d ? w->counted : 1) * (to - from);
}

/* Element where the block's row `ky` of the window begins, at column 0. */
static int64_t row_of(const struct block_pool *p, const struct window *w, int64_t plane, int64_t ky)
{
    int64_t row = plane * p->in[0] + w->top + ky * p->dilation[0];
    return (row * p->in[1] + w->left) * BLOCK_LANES;
}

static void max_u8(const struct block_pool *p, const struct narrow_data *x, const struct window *w,
                   int64_t plane, uint8_t *restrict best)
{
    memset(best, 0, BLOCK_LANES);
    for (int64_t ky = w->from[0]; ky < w->to[0]; ky++)
        for (int64_t kx = w->from[1]; kx < w->to[1]; kx++) {
            const uint8_t *one = (const uint8_t *)x->data + row_of(p, w, plane, ky) +
                                 kx * p->dilation[1] * BLOCK_LANES;
            for (int lane = 0; lane < BLOCK_LANES; lane++)
                best[lane] = one[lane] > best[lane] ? one[lane] : best[lane];
        }
}

/* Four bfloat16 as float32: the least processor's register. */
enum { QUARTER = 4, QUARTERS = BLOCK_LANES / QUARTER };
typedef uint16_t quarter_halves __attribute__((vector_size(8), aligned(2), may_alias));
typedef uint32_t quarter_words __attribute__((vector_size(16)));
typedef int32_t quarter_mask __attribute__((vector_size(16)));
typedef float quarter __attribute__((vector_size(16)));

static inline quarter widen(const uint16_t *x)
{
    return (quarter)(__builtin_convertvector(*(const quarter_halves *)x, quarter_words) << 16);
}

static void max_bf16(const struct block_pool *p, const struct narrow_data *x,
                     const struct window *w, int64_t plane, uint16_t *restrict to)
{
    quarter best[QUARTERS];
    for (int q = 0; q < QUARTERS; q++)
        best[q] = (quarter){-INFINITY, -INFINITY, -INFINITY, -INFINITY};
    for (int64_t ky = w->from[0]; ky < w->to[0]; ky++)
        for (int64_t kx = w->from[1]; kx < w->to[1]; kx++) {
            const uint16_t *one = (const uint16_t *)x->data + row_of(p, w, plane, ky) +
                                  kx * p->dilation[1] * BLOCK_LANES;
            for (int q = 0; q < QUARTERS; q++) {
                const quarter v = widen(one + q * QUARTER);
                const quarter_mask take = (v > best[q]) | (v != v);
                best[q] = (quarter)((take & (quarter_mask)v) | (~take & (quarter_mask)best[q]));
            }
        }
    for (int q = 0; q < QUARTERS; q++) /* each was a bfloat16 before */
        *(quarter_halves *)(to + q * QUARTER) =
            __builtin_convertvector((quarter_words)best[q] >> 16, quarter_halves);
}

void narrow_max(const struct narrow_pool *n)
{
    const struct block_pool *p = &n->window;
    int64_t at = 0;
    for (int64_t plane = 0; plane < p->planes; plane++)
        for (int64_t i = 0; i < p->out[0]; i++) {
            struct window w;
            lay_rows(p, i, 0, &w);
            const int64_t rows = w.counted;
            for (int64_t j = 0; j < p->out[1]; j++, at += BLOCK_LANES) {
                w.counted = rows;
                lay_rows(p, j, 1, &w);
                if (n->x.type == NARROW_U8)
                    max_u8(p, &n->x, &w, plane, (uint8_t *)n->y.data + at);
                else
                    max_bf16(p, &n->x, &w, plane, (uint16_t *)n->y.data + at);
            }
        }
}

/* A mean of bytes is (sum - places * zero) * (scale / counted): the sum is an integer. */
static void mean(const struct narrow_pool *n, const struct window *w, int64_t plane,
                 float *restrict to)
{
    const struct block_pool *p = &n->window;
    const bool bytes = n->x.type == NARROW_U8;
    int64_t sums[BLOCK_LANES] = {0}, columns = w->to[1] - w->from[1];
    float reals[BLOCK_LANES] = {0};
    for (int64_t ky = w->from[0]; ky < w->to[0]; ky++)
        for (int64_t kx = w->from[1]; kx < w->to[1]; kx++) {
            int64_t at = row_of(p, w, plane, ky) + kx * p->dilation[1] * BLOCK_LANES;
            for (int lane = 0; lane < BLOCK_LANES; lane++)
                if (bytes)
                    sums[lane] += ((const uint8_t *)n->x.data)[at + lane];
                else if (n->x.type == NARROW_BF16)
                    reals[lane] += bf16_to_f32(((const uint16_t *)n->x.data)[at + lane]);
                else
                    reals[lane] += ((const float *)n->x.data)[at + lane];
        }
    const int64_t places = (w->to[0] - w->from[0]) * columns;
    const float factor = w->counted ? (bytes ? n->x.scale : 1) / (float)w->counted : 0;
    for (int lane = 0; lane < BLOCK_LANES; lane++)
        to[lane] = (bytes ? (float)(sums[lane] - places * n->x.zero) : reals[lane]) * factor;
}

void narrow_average(const struct narrow_pool *n)
{
    const struct block_pool *p = &n->window;
    const struct narrow_end end = {.y = n->y};
    _Alignas(64) float means[NARROW_STRIP * BLOCK_LANES];
    struct narrow_out o = {
        .sums = (uint32_t *)(void *)means, .lanes = BLOCK_LANES, .step = BLOCK_LANES};
    for (int64_t row = 0; row < p->planes * p->out[0]; row++) {
        struct window w;
        lay_rows(p, row % p->out[0], 0, &w);
        const int64_t rows = w.counted;
        for (int64_t j = 0; j < p->out[1]; j++) {
            w.counted = rows;
            lay_rows(p, j, 1, &w);
            mean(n, &w, row / p->out[0], means + o.count++ * BLOCK_LANES);
            if (o.count < NARROW_STRIP && j + 1 < p->out[1])
                continue;
            ISA_PICK(narrow_out)(&o, &end);
            o.to += o.count * BLOCK_LANES;
            o.count = 0;
        }
    }
}
