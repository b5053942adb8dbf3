/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The specification of convolution: every output element from its definition. */
#include "kernels/kernels_priv.h"

/* x at channel plane and place, 0 outside. */
static float at(const struct conv *c, const float *plane, const int64_t out[3],
                const int64_t place[3])
{
    int64_t index = 0;
    for (int i = 0; i < 3; i++) {
        int64_t p = out[i] * c->stride[i] - c->pad[i] + place[i] * c->dilation[i];
        if (p < 0 || p >= c->in[i])
            return 0;
        index = index * c->in[i] + p;
    }
    return plane[index];
}

static float element(const struct conv *c, int64_t image, int64_t o, const int64_t out[3])
{
    int64_t channels = c->in_c / c->groups, group = o / (c->out_c / c->groups), k[3];
    const float *w = c->w + o * channels * conv_kernel_size(c);
    float sum = 0;
    for (int64_t ch = 0; ch < channels; ch++) {
        const float *plane = c->x + (image * c->in_c + group * channels + ch) * conv_in_size(c);
        for (k[0] = 0; k[0] < c->kernel[0]; k[0]++)
            for (k[1] = 0; k[1] < c->kernel[1]; k[1]++)
                for (k[2] = 0; k[2] < c->kernel[2]; k[2]++)
                    sum += *w++ * at(c, plane, out, k);
    }
    return sum;
}

void conv_f32_ref(const struct conv *c)
{
    int64_t size = conv_out_size(c);
    for (int64_t image = 0; image < c->batch; image++) {
        for (int64_t o = 0; o < c->out_c; o++) {
            int64_t start = (image * c->out_c + o) * size;
            for (int64_t p = 0; p < size; p++) {
                int64_t out[3] = {p / (c->out[1] * c->out[2]), p / c->out[2] % c->out[1],
                                  p % c->out[2]};
                c->y[start + p] = element(c, image, o, out);
            }
            epilogue_f32_ref(&c->epilogue, c->y + start, c->bias ? c->bias[o] : 0,
                             c->sum ? c->sum + start : NULL, size);
        }
    }
}
