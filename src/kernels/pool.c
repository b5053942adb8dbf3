/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pools, an output row at a time: every window place adds (or compares) one shifted input row to
 * the output row. Only places that meet the input are visited, so that absurd kernels and pads cost
 * no more than the input they cover. */
#include "kernels/pool.h"

#include <math.h>

#include "kernels/kernels_priv.h"

MULTI_ISA(static, void, max_shifted, (float *y, const float *x, int64_t stride, int64_t n),
          (y, x, stride, n))
{
    if (stride == 1) {
        INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            y[i] = x[i] > y[i] || x[i] != x[i] ? x[i] : y[i];
    } else if (stride == 2) {
        INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            y[i] = x[2 * i] > y[i] || x[2 * i] != x[2 * i] ? x[2 * i] : y[i];
    } else {
        for (int64_t i = 0; i < n; i++) {
            float v = x[i * stride];
            y[i] = v > y[i] || v != v ? v : y[i];
        }
    }
}

MULTI_ISA(static, void, add_shifted, (float *y, const float *x, int64_t stride, int64_t n),
          (y, x, stride, n))
{
    if (stride == 1) {
        INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            y[i] += x[i];
    } else {
        for (int64_t i = 0; i < n; i++)
            y[i] += x[i * stride];
    }
}

void pool_places(const struct pool *p, int d, int64_t at, int64_t low, int64_t high, int64_t *first,
                 int64_t *last)
{
    int64_t step = p->dilation[d];
    *first = at >= low ? 0 : (low - at + step - 1) / step;
    *last = at >= high ? 0 : MIN(p->kernel[d], (high - at + step - 1) / step);
    *last = MAX(*first, *last);
}

/* The same for windows further apart than the row is long: an output at a time, because places that
 * meet the row for one output at most are as many as the strides between the outputs, which no
 * tensor bounds. */
static void cover_apart(const struct pool *p, const float *row, float *y, bool max)
{
    for (int64_t i = 0; i < p->out[2]; i++) {
        int64_t at = i * p->stride[2] - p->pad[2], first, last;
        pool_places(p, 2, at, 0, p->in[2], &first, &last);
        for (int64_t k = first; k < last; k++) {
            float v = row[at + k * p->dilation[2]];
            if (!max)
                y[i] += v;
            else if (v > y[i] || v != v)
                y[i] = v;
        }
    }
}

/* Adds one input row, at all window places along it, to the output row y. */
static void cover_row(const struct pool *p, const float *row, float *y, bool max)
{
    int64_t stride = p->stride[2], width = p->in[2], first, last;
    if (stride > width) {
        cover_apart(p, row, y, max);
        return;
    }
    /* Places at which any of the row's windows meets the input. */
    pool_places(p, 2, -p->pad[2], -(p->out[2] - 1) * stride, width, &first, &last);
    for (int64_t k = first; k < last; k++) {
        int64_t shift = k * p->dilation[2] - p->pad[2];
        int64_t from = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
        int64_t to = MIN((width - shift + stride - 1) / stride, p->out[2]);
        if (from >= to)
            continue;
        const float *x = row + from * stride + shift;
        if (max)
            max_shifted(y + from, x, stride, to - from);
        else
            add_shifted(y + from, x, stride, to - from);
    }
}

static void one_row(const struct pool *p, const float *plane, const int64_t at[2], float *y,
                    bool max)
{
    int64_t z0 = at[0] * p->stride[0] - p->pad[0], y0 = at[1] * p->stride[1] - p->pad[1];
    int64_t first[2], last[2];
    pool_places(p, 0, z0, 0, p->in[0], &first[0], &last[0]);
    pool_places(p, 1, y0, 0, p->in[1], &first[1], &last[1]);
    for (int64_t i = 0; i < p->out[2]; i++)
        y[i] = max ? -INFINITY : 0;
    for (int64_t kz = first[0]; kz < last[0]; kz++)
        for (int64_t ky = first[1]; ky < last[1]; ky++) {
            int64_t z = z0 + kz * p->dilation[0], row = y0 + ky * p->dilation[1];
            cover_row(p, plane + (z * p->in[1] + row) * p->in[2], y, max);
        }
}

int64_t pool_counted(const struct pool *p, int d, int64_t at)
{
    int64_t first, last, low = p->count_pad ? -p->pad[d] : 0;
    int64_t high = p->in[d] + (p->count_pad ? p->pad_end[d] : 0);
    pool_places(p, d, at * p->stride[d] - p->pad[d], low, high, &first, &last);
    return last - first;
}

static void divide_row(const struct pool *p, const int64_t at[2], float *y)
{
    /* As doubles: with absurd pads the product of three counts leaves 63 bits. */
    double rows = (double)pool_counted(p, 0, at[0]) * (double)pool_counted(p, 1, at[1]);
    for (int64_t i = 0; i < p->out[2]; i++) {
        double n = rows * (double)pool_counted(p, 2, i);
        y[i] = n > 0 ? y[i] / (float)n : 0;
    }
}

static void pool(const struct pool *p, bool max)
{
    int64_t in_size = p->in[0] * p->in[1] * p->in[2], at[2];
    float *y = p->y;
    for (int64_t plane = 0; plane < p->planes; plane++)
        for (at[0] = 0; at[0] < p->out[0]; at[0]++)
            for (at[1] = 0; at[1] < p->out[1]; at[1]++, y += p->out[2]) {
                one_row(p, p->x + plane * in_size, at, y, max);
                if (!max)
                    divide_row(p, at, y);
            }
}

void max_pool_f32(const struct pool *p)
{
    pool(p, true);
}

void average_pool_f32(const struct pool *p)
{
    pool(p, false);
}
