/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Convolutions of float64: every kernel place adds a shifted, scaled row to an output row. Plain
 * loops, which are their own specification; double is rare in networks. */
#include "kernels/conv_f64.h"

#include "kernels/kernels_priv.h"

/* One input plane, one output plane and the kernel between them. */
struct planes {
    const struct conv *c;
    const double *x, *w;
    double *y;
};

static void fill(double *y, int64_t n, double v)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = v;
}

/* Positions i of a row with 0 <= i * stride + shift < width, below limit: [*first, *last). */
static void inside(int64_t stride, int64_t shift, int64_t width, int64_t limit, int64_t *first,
                   int64_t *last)
{
    *first = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
    *last = shift >= width ? 0 : (width - shift + stride - 1) / stride;
    *last = MAX(MIN(*last, limit), *first);
}

/* Kernel row (kz, ky) of output row (z, y): the input row is (at[0], at[1]). */
static void add_row(const struct planes *p, const double *w, const double *row, double *y)
{
    const struct conv *c = p->c;
    for (int64_t k = 0; k < c->kernel[2]; k++) {
        int64_t first, last, shift = k * c->dilation[2] - c->pad[2], stride = c->stride[2];
        inside(stride, shift, c->in[2], c->out[2], &first, &last);
        for (int64_t i = first; i < last; i++)
            y[i] += w[k] * row[i * stride + shift];
    }
}

static void add_plane(const struct planes *p)
{
    const struct conv *c = p->c;
    int64_t rows = c->out[0] * c->out[1];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = 0; k < c->kernel[0] * c->kernel[1]; k++) {
            int64_t z = r / c->out[1] * c->stride[0] - c->pad[0];
            int64_t y = r % c->out[1] * c->stride[1] - c->pad[1];
            z += k / c->kernel[1] * c->dilation[0];
            y += k % c->kernel[1] * c->dilation[1];
            if (z >= 0 && z < c->in[0] && y >= 0 && y < c->in[1])
                add_row(p, p->w + k * c->kernel[2], p->x + (z * c->in[1] + y) * c->in[2],
                        p->y + r * c->out[2]);
        }
}

void conv_f64(const struct conv *c, const double *x, const double *w, const double *bias, double *y)
{
    int64_t in = c->in_c / c->groups, out = c->out_c / c->groups, size = conv_out_size(c);
    int64_t places = conv_kernel_size(c);
    for (int64_t i = 0; i < c->batch * c->out_c; i++) {
        int64_t o = i % c->out_c;
        fill(y + i * size, size, bias ? bias[o] : 0);
        for (int64_t ch = 0; ch < in; ch++) {
            int64_t plane = i / c->out_c * c->in_c + o / out * in + ch;
            struct planes p = {c, x + plane * conv_in_size(c), w + (o * in + ch) * places,
                               y + i * size};
            add_plane(&p);
        }
    }
}

/* Input row `row` at kernel row w spreads over output row y. */
static void spread_row(const struct planes *p, const double *w, const double *row, double *y)
{
    const struct conv *c = p->c;
    for (int64_t k = 0; k < c->kernel[2]; k++) {
        int64_t first, last, shift = k * c->dilation[2] - c->pad[2], stride = c->stride[2];
        inside(stride, shift, c->out[2], c->in[2], &first, &last);
        for (int64_t i = first; i < last; i++)
            y[i * stride + shift] += w[k] * row[i];
    }
}

static void spread_plane(const struct planes *p)
{
    const struct conv *c = p->c;
    int64_t rows = c->in[0] * c->in[1];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = 0; k < c->kernel[0] * c->kernel[1]; k++) {
            int64_t z = r / c->in[1] * c->stride[0] - c->pad[0];
            int64_t y = r % c->in[1] * c->stride[1] - c->pad[1];
            z += k / c->kernel[1] * c->dilation[0];
            y += k % c->kernel[1] * c->dilation[1];
            if (z >= 0 && z < c->out[0] && y >= 0 && y < c->out[1])
                spread_row(p, p->w + k * c->kernel[2], p->x + r * c->in[2],
                           p->y + (z * c->out[1] + y) * c->out[2]);
        }
}

void conv_transpose_f64(const struct conv *c, const double *x, const double *w, const double *bias,
                        double *y)
{
    int64_t in = c->in_c / c->groups, out = c->out_c / c->groups, size = conv_out_size(c);
    int64_t places = conv_kernel_size(c);
    for (int64_t i = 0; i < c->batch * c->out_c; i++) {
        int64_t o = i % c->out_c;
        fill(y + i * size, size, bias ? bias[o] : 0);
        for (int64_t ch = 0; ch < in; ch++) {
            int64_t channel = o / out * in + ch;
            struct planes p = {c, x + (i / c->out_c * c->in_c + channel) * conv_in_size(c),
                               w + (channel * out + o % out) * places, y + i * size};
            spread_plane(&p);
        }
    }
}
