/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What blocked tensors go through beside convolutions: pools, and one factor and one summand
 * per channel. */
#include <math.h>

#include "kernels/blocked_priv.h"
#include "kernels/isa/tile.h"

/* ---- pools ---- */

/* Where a window's rows and columns lie. */
struct window {
    int64_t top, left, from[2], to[2];
};

static void window_rows(const struct block_pool *p, int64_t row, struct window *w)
{
    w->top = row * p->stride[0] - p->pad[0];
    block_places(w->top, p->dilation[0], p->kernel[0], p->in[0], &w->from[0], &w->to[0]);
}

static void window_columns(const struct block_pool *p, int64_t column, struct window *w)
{
    w->left = column * p->stride[1] - p->pad[1];
    block_places(w->left, p->dilation[1], p->kernel[1], p->in[1], &w->from[1], &w->to[1]);
}

TILE_INLINE void window_max(const struct block_pool *p, const struct window *w, const float *x,
                            float *y)
{
    vec acc[BLOCK_VECS];
    TILE_UNROLL
    for (int v = 0; v < BLOCK_VECS; v++)
        acc[v] = vec_all(-INFINITY);
    for (int64_t ky = w->from[0]; ky < w->to[0]; ky++) {
        const float *row = x + ((w->top + ky * p->dilation[0]) * p->in[1] + w->left) * BLOCK;
        for (int64_t kx = w->from[1]; kx < w->to[1]; kx++) {
            TILE_UNROLL
            for (int v = 0; v < BLOCK_VECS; v++) {
                vec one = vec_load(row + kx * p->dilation[1] * BLOCK + v * VEC);
                acc[v] = vec_pick((one > acc[v]) | (one != one), one, acc[v]);
            }
        }
    }
    TILE_UNROLL
    for (int v = 0; v < BLOCK_VECS; v++)
        vec_store(y + v * VEC, acc[v]);
}

TILE_INLINE void window_sum(const struct block_pool *p, const struct window *w, const float *x,
                            float factor, float *y)
{
    vec acc[BLOCK_VECS];
    TILE_UNROLL
    for (int v = 0; v < BLOCK_VECS; v++)
        acc[v] = vec_all(0);
    for (int64_t ky = w->from[0]; ky < w->to[0]; ky++) {
        const float *row = x + ((w->top + ky * p->dilation[0]) * p->in[1] + w->left) * BLOCK;
        for (int64_t kx = w->from[1]; kx < w->to[1]; kx++) {
            TILE_UNROLL
            for (int v = 0; v < BLOCK_VECS; v++)
                acc[v] += vec_load(row + kx * p->dilation[1] * BLOCK + v * VEC);
        }
    }
    TILE_UNROLL
    for (int v = 0; v < BLOCK_VECS; v++)
        vec_store(y + v * VEC, acc[v] * factor);
}

void ISA_NAME(block_max)(const struct block_pool *p)
{
    int64_t in = p->in[0] * p->in[1] * BLOCK, out = p->out[1] * BLOCK;
    for (int64_t plane = 0; plane < p->planes; plane++)
        for (int64_t i = 0; i < p->out[0]; i++) {
            struct window w;
            window_rows(p, i, &w);
            for (int64_t j = 0; j < p->out[1]; j++) {
                window_columns(p, j, &w);
                window_max(p, &w, p->x + plane * in,
                           p->y + (plane * p->out[0] + i) * out + j * BLOCK);
            }
        }
}

/* Places of a window that count for its mean, along one dim. */
static int64_t counted(const struct block_pool *p, int d, int64_t at, int64_t from, int64_t to)
{
    if (!p->count_pad)
        return to - from;
    int64_t padded = p->in[d] + p->pad_end[d], last;
    block_places(at + p->pad[d], p->dilation[d], p->kernel[d], padded + p->pad[d], &from, &last);
    return last - from;
}

void ISA_NAME(block_average)(const struct block_pool *p)
{
    int64_t in = p->in[0] * p->in[1] * BLOCK, out = p->out[1] * BLOCK;
    for (int64_t plane = 0; plane < p->planes; plane++)
        for (int64_t i = 0; i < p->out[0]; i++) {
            struct window w;
            window_rows(p, i, &w);
            int64_t rows = counted(p, 0, w.top, w.from[0], w.to[0]);
            for (int64_t j = 0; j < p->out[1]; j++) {
                window_columns(p, j, &w);
                int64_t n = rows * counted(p, 1, w.left, w.from[1], w.to[1]);
                window_sum(p, &w, p->x + plane * in, n ? 1 / (float)n : 0,
                           p->y + (plane * p->out[0] + i) * out + j * BLOCK);
            }
        }
}

/* ---- one factor and one summand per channel ---- */

void ISA_NAME(block_scale_rows)(const struct block_scale *s)
{
    for (int64_t i = 0; i < s->batch * s->blocks; i++) {
        int64_t at = i % s->blocks * BLOCK;
        const float *x = s->x + i * s->plane * BLOCK;
        float *y = s->y + i * s->plane * BLOCK;
        vec scale[BLOCK_VECS], shift[BLOCK_VECS];
        TILE_UNROLL
        for (int v = 0; v < BLOCK_VECS; v++) {
            scale[v] = vec_load(s->scale + at + v * VEC);
            shift[v] = vec_load(s->shift + at + v * VEC);
        }
        for (int64_t k = 0; k < s->plane; k++) {
            TILE_UNROLL
            for (int v = 0; v < BLOCK_VECS; v++) {
                vec one = vec_load(x + k * BLOCK + v * VEC) * scale[v] + shift[v];
                vec_store(y + k * BLOCK + v * VEC, tile_act(&s->epilogue, one));
            }
        }
    }
}
