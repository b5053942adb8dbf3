/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The blocked kernels spelled out, element by element, sums in double; and Winograd's weights. */
#include <math.h>
#include <string.h>

#include "kernels/blocked.h"

enum { PLACES = 36, PATCH = 6, KERNEL = 3 };

/* G of F(4x4, 3x3). */
static const double g_matrix[PATCH][KERNEL] = {
    {1.0 / 4, 0, 0},
    {-1.0 / 6, -1.0 / 6, -1.0 / 6},
    {-1.0 / 6, 1.0 / 6, -1.0 / 6},
    {1.0 / 24, 1.0 / 12, 1.0 / 6},
    {1.0 / 24, -1.0 / 12, 1.0 / 6},
    {0, 0, 1},
};

void block_winograd_weights(const float g[9], float u[36])
{
    double half[PATCH][KERNEL];
    for (int i = 0; i < PATCH; i++)
        for (int j = 0; j < KERNEL; j++) {
            half[i][j] = 0;
            for (int k = 0; k < KERNEL; k++)
                half[i][j] += g_matrix[i][k] * (double)g[k * KERNEL + j];
        }
    for (int i = 0; i < PATCH; i++)
        for (int j = 0; j < PATCH; j++) {
            double sum = 0;
            for (int k = 0; k < KERNEL; k++)
                sum += half[i][k] * g_matrix[j][k];
            u[i * PATCH + j] = (float)sum;
        }
}

/* The kernel's number at place (y, x) from its 36: rows 0, 1 + 2, 3 + 4 and 5 of G invert it.
 * With s = u1 + u2, d = u1 - u2: g0 = 4 u0, g1 = -3 d, g2 = u5 (one dimension). */
enum { TERMS = 2 }; /* of g1; g0 and g2 have one */
static const int back_rows[KERNEL][TERMS] = {{0, 0}, {1, 2}, {5, 5}};
static const double back_factors[KERNEL][TERMS] = {{4, 0}, {-3, 3}, {1, 0}};

static double winograd_weight(const struct block_conv *c, int64_t out, int64_t in, int ky, int kx)
{
    int64_t step = c->out_blocks * c->in_blocks * BLOCK_LANES * BLOCK_LANES;
    int64_t at =
        (out / BLOCK_LANES * c->in_blocks * BLOCK_LANES + in) * BLOCK_LANES + out % BLOCK_LANES;
    double sum = 0;
    for (int i = 0; i < (ky == 1 ? TERMS : 1); i++)
        for (int j = 0; j < (kx == 1 ? TERMS : 1); j++)
            sum += back_factors[ky][i] * back_factors[kx][j] *
                   (double)c->w[(back_rows[ky][i] * PATCH + back_rows[kx][j]) * step + at];
    return sum;
}

/* The weight of output channel `out` and input channel `in` of one group. */
static double weight(const struct block_conv *c, int64_t group, int64_t out, int64_t in, int64_t ky,
                     int64_t kx)
{
    int64_t place = ky * c->kernel[1] + kx, places = c->kernel[0] * c->kernel[1];
    int64_t lane = out % BLOCK_LANES;
    if (c->form == BLOCK_DEPTHWISE)
        return (double)c->w[(group * places + place) * BLOCK_LANES + lane];
    if (c->form == BLOCK_WINOGRAD)
        return winograd_weight(c, out, in, (int)ky, (int)kx);
    int64_t block = group * c->out_blocks + out / BLOCK_LANES;
    if (c->form == BLOCK_PLAIN)
        return (double)c->w[((block * places + place) * c->in_c + in) * BLOCK_LANES + lane];
    block = block * c->in_blocks + in / BLOCK_LANES;
    return (double)
        c->w[((block * places + place) * BLOCK_LANES + in % BLOCK_LANES) * BLOCK_LANES + lane];
}

static double input(const struct block_conv *c, int64_t image, int64_t group, int64_t in, int64_t y,
                    int64_t x)
{
    if (y < 0 || y >= c->in[0] || x < 0 || x >= c->in[1])
        return 0;
    if (c->form == BLOCK_PLAIN)
        return (double)c->x[((image * c->in_c + in) * c->in[0] + y) * c->in[1] + x];
    int64_t block = (image * c->groups + group) * c->in_blocks + in / BLOCK_LANES;
    return (double)c->x[((block * c->in[0] + y) * c->in[1] + x) * BLOCK_LANES + in % BLOCK_LANES];
}

static double products(const struct block_conv *c, int64_t image, int64_t group, int64_t out,
                       int64_t y, int64_t x)
{
    bool depthwise = c->form == BLOCK_DEPTHWISE;
    int64_t channels = c->form == BLOCK_PLAIN ? c->in_c : c->in_blocks * BLOCK_LANES;
    double sum = 0;
    for (int64_t in = depthwise ? out : 0; in < (depthwise ? out + 1 : channels); in++)
        for (int64_t ky = 0; ky < c->kernel[0]; ky++)
            for (int64_t kx = 0; kx < c->kernel[1]; kx++)
                sum +=
                    weight(c, group, out, in, ky, kx) *
                    input(c, image, group, in, y * c->stride[0] - c->pad[0] + ky * c->dilation[0],
                          x * c->stride[1] - c->pad[1] + kx * c->dilation[1]);
    return sum;
}

void block_conv_f32_ref(const struct block_conv *c)
{
    int64_t channels = c->groups * c->out_blocks * BLOCK_LANES, width = c->out[1];
    int64_t n = c->batch * channels * c->out[0] * width;
    for (int64_t i = 0; i < n; i++) {
        int64_t lane = i % BLOCK_LANES, x = i / BLOCK_LANES % width;
        int64_t y = i / BLOCK_LANES / width % c->out[0];
        int64_t block = i / BLOCK_LANES / width / c->out[0] % (c->groups * c->out_blocks);
        int64_t image = i / BLOCK_LANES / width / c->out[0] / (c->groups * c->out_blocks);
        int64_t group = block / c->out_blocks;
        double v = products(c, image, group, block % c->out_blocks * BLOCK_LANES + lane, y, x);
        v += c->bias ? (double)c->bias[block * BLOCK_LANES + lane] : 0;
        v += c->sum ? (double)c->sum[i] : 0;
        c->y[i] = (float)v;
        epilogue_f32_ref(&c->epilogue, c->y + i, 0, NULL, 1);
    }
}

void block_pack_ref(const struct block_move *m)
{
    int64_t blocks = block_count(m->channels);
    for (int64_t i = 0; i < m->batch * blocks * m->plane * BLOCK_LANES; i++) {
        int64_t at = i / BLOCK_LANES % m->plane, block = i / BLOCK_LANES / m->plane % blocks;
        int64_t image = i / BLOCK_LANES / m->plane / blocks;
        int64_t channel = block * BLOCK_LANES + i % BLOCK_LANES;
        int64_t from = (image * m->channels + channel) * m->plane + at;
        uint8_t *to = (uint8_t *)m->y + i * m->bytes;
        memset(to, 0, (size_t)m->bytes);
        if (channel < m->channels)
            memcpy(to, (const uint8_t *)m->x + from * m->bytes, (size_t)m->bytes);
    }
}

void block_unpack_ref(const struct block_move *m)
{
    int64_t blocks = block_count(m->channels);
    for (int64_t i = 0; i < m->batch * m->channels * m->plane; i++) {
        int64_t at = i % m->plane, channel = i / m->plane % m->channels;
        int64_t image = i / m->plane / m->channels;
        int64_t block = image * blocks + channel / BLOCK_LANES;
        int64_t from = (block * m->plane + at) * BLOCK_LANES + channel % BLOCK_LANES;
        memcpy((uint8_t *)m->y + i * m->bytes, (const uint8_t *)m->x + from * m->bytes,
               (size_t)m->bytes);
    }
}

void block_scale_f32_ref(const struct block_scale *s)
{
    for (int64_t i = 0; i < s->batch * s->blocks * s->plane * BLOCK_LANES; i++) {
        int64_t channel = i / BLOCK_LANES / s->plane % s->blocks * BLOCK_LANES + i % BLOCK_LANES;
        s->y[i] = (float)((double)s->x[i] * (double)s->scale[channel] + (double)s->shift[channel]);
        epilogue_f32_ref(&s->epilogue, s->y + i, 0, NULL, 1);
    }
}
