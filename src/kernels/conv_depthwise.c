/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Convolution with one input channel per group (each feeds out_c/groups outputs). There is nothing
 * to multiply matrices for: every kernel place adds a shifted, scaled row to an output row. */
#include <string.h>

#include "kernels/kernels_priv.h"

/* y[i] += w * x[i * stride] */
MULTI_ISA(static, void, add_shifted, (float *y, const float *x, float w, int64_t stride, int64_t n),
          (y, x, w, stride, n))
{
    if (stride == 1) {
        INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            y[i] += w * x[i];
    } else if (stride == 2) {
        INDEPENDENT
        for (int64_t i = 0; i < n; i++)
            y[i] += w * x[2 * i];
    } else {
        for (int64_t i = 0; i < n; i++)
            y[i] += w * x[i * stride];
    }
}

/* All kernel places of one kernel row onto one output row. */
static void add_kernel_row(const struct conv *c, const float *row, const float *w, float *y)
{
    int64_t stride = c->stride[2], width = c->in[2];
    for (int64_t k = 0; k < c->kernel[2]; k++) {
        int64_t shift = k * c->dilation[2] - c->pad[2];
        int64_t first = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
        int64_t last = shift >= width ? 0 : (width - shift + stride - 1) / stride;
        last = MIN(last, c->out[2]);
        if (first < last)
            add_shifted(y + first, row + first * stride + shift, w[k], stride, last - first);
    }
}

static void one_row(const struct conv *c, const float *plane, const float *w, const int64_t at[2],
                    float *y)
{
    memset(y, 0, (size_t)c->out[2] * sizeof(y[0]));
    for (int64_t kz = 0; kz < c->kernel[0]; kz++) {
        int64_t z = at[0] * c->stride[0] - c->pad[0] + kz * c->dilation[0];
        if (z < 0 || z >= c->in[0])
            continue;
        for (int64_t ky = 0; ky < c->kernel[1]; ky++) {
            int64_t row = at[1] * c->stride[1] - c->pad[1] + ky * c->dilation[1];
            if (row < 0 || row >= c->in[1])
                continue;
            add_kernel_row(c, plane + (z * c->in[1] + row) * c->in[2],
                           w + (kz * c->kernel[1] + ky) * c->kernel[2], y);
        }
    }
}

void conv_f32_depthwise(const struct conv *c)
{
    int64_t per_group = c->out_c / c->groups, size = conv_out_size(c);
    for (int64_t image = 0; image < c->batch; image++) {
        for (int64_t o = 0; o < c->out_c; o++) {
            const float *plane = c->x + (image * c->in_c + o / per_group) * conv_in_size(c);
            const float *w = c->w + o * conv_kernel_size(c);
            int64_t start = (image * c->out_c + o) * size, at[2];
            for (at[0] = 0; at[0] < c->out[0]; at[0]++)
                for (at[1] = 0; at[1] < c->out[1]; at[1]++) {
                    int64_t row = start + (at[0] * c->out[1] + at[1]) * c->out[2];
                    one_row(c, plane, w, at, c->y + row);
                    epilogue_f32(&c->epilogue, c->y + row, c->bias ? c->bias[o] : 0,
                                 c->sum ? c->sum + row : NULL, c->out[2]);
                }
        }
    }
}
