/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Convolution of bytes: as many input channels at a time as keep the sums exact go through the
 * float32 convolution (int8.h), whose padding of zeros is right because the zero point is taken off
 * before. A kernel of more places than EXACT_TERMS takes the plain loops. */
#include "base/checked.h"
#include "kernels/int8_priv.h"
#include "kernels/kernels_priv.h"

/* `channels` input channels and all output channels of the group, as a convolution of its own. */
static struct conv part_of(const struct conv_i8 *c, int64_t channels)
{
    struct conv part = c->sizes;
    part.batch = part.groups = 1;
    part.in_c = channels;
    part.out_c = c->sizes.out_c / c->sizes.groups;
    part.epilogue.act = ACT_NONE;
    part.bias = part.sum = NULL;
    return part;
}

/* Input channels of a part; 0: not even one keeps the sums exact. */
static int64_t part_channels(const struct conv_i8 *c)
{
    int64_t places = 1;
    for (int d = 0; d < 3; d++)
        if (__builtin_mul_overflow(places, c->sizes.kernel[d], &places))
            return 0;
    return MIN(EXACT_TERMS / places, c->sizes.in_c / c->sizes.groups);
}

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Bytes of a part's input, weights and output, and of the float32 convolution's own scratch. */
static bool part_bytes(const struct conv *part, uint64_t bytes[4])
{
    uint64_t in = (uint64_t)part->in_c, w = in, out = (uint64_t)part->out_c;
    if (!checked_mul(w, out, &w))
        return false;
    for (int d = 0; d < 3; d++)
        if (!checked_mul(in, (uint64_t)part->in[d], &in) ||
            !checked_mul(w, (uint64_t)part->kernel[d], &w) ||
            !checked_mul(out, (uint64_t)part->out[d], &out))
            return false;
    const uint64_t counts[3] = {in, w, out};
    for (int i = 0; i < 3; i++) {
        if (counts[i] > INT64_MAX / 32)
            return false;
        bytes[i] = aligned(counts[i] * sizeof(float));
    }
    return conv_f32_scratch(part, &bytes[3]);
}

bool conv_i8_scratch(const struct conv_i8 *c, uint64_t *bytes)
{
    int64_t channels = c->sizes.in_c / c->sizes.groups, step = part_channels(c);
    *bytes = 0;
    if (step == 0)
        return true;
    uint64_t need[4], last[4];
    struct conv part = part_of(c, step), rest = part_of(c, channels % step);
    if (!part_bytes(&part, need))
        return false;
    /* The last part has fewer channels, for which the convolution may choose longer strips. */
    if (rest.in_c && part_bytes(&rest, last))
        need[3] = MAX(need[3], last[3]);
    for (int i = 0; i < 4; i++)
        if (!checked_add(*bytes, need[i], bytes))
            return false;
    return *bytes <= INT64_MAX;
}

/* Weights [out_c][first..first + channels)[places] as floats. */
static void widen_weights(const struct conv_i8 *c, const struct conv *part, int64_t first, float *w)
{
    int64_t places = conv_kernel_size(part), n = part->in_c * places;
    int64_t row = c->sizes.in_c / c->sizes.groups * places;
    for (int64_t o = 0; o < part->out_c; o++)
        bytes_widen(&c->w, o * row + first * places, bytes_zero(&c->w, o), n, w + o * n);
}

void conv_i8(const struct conv_i8 *c)
{
    int64_t channels = c->sizes.in_c / c->sizes.groups, step = part_channels(c);
    if (step == 0 || channels == 0) {
        conv_i8_ref(c);
        return;
    }
    struct conv part = part_of(c, step);
    uint64_t bytes[4];
    if (!part_bytes(&part, bytes))
        return; /* conv_i8_scratch has refused it */
    uint8_t *at = c->scratch;
    float *x = (float *)(void *)at, *w = (float *)(void *)(at + bytes[0]);
    float *y = (float *)(void *)(at + bytes[0] + bytes[1]);
    part.scratch = at + bytes[0] + bytes[1] + bytes[2];
    part.x = x;
    part.w = w;
    part.y = y;
    for (int64_t first = 0; first < channels; first += step) {
        part.in_c = MIN(step, channels - first);
        int64_t size = conv_in_size(&part);
        bytes_widen(&c->x, first * size, bytes_zero(&c->x, 0), part.in_c * size, x);
        widen_weights(c, &part, first, w);
        conv_f32(&part);
        add_whole(part.out_c * conv_out_size(&part), y, c->y, first > 0);
    }
}

/* The input place that output place `out` reads at kernel place k; -1: in the padding. */
static int64_t place_of(const struct conv *c, const int64_t out[3], const int64_t k[3])
{
    int64_t index = 0;
    for (int d = 0; d < 3; d++) {
        int64_t at = out[d] * c->stride[d] - c->pad[d] + k[d] * c->dilation[d];
        if (at < 0 || at >= c->in[d])
            return -1;
        index = index * c->in[d] + at;
    }
    return index;
}

static int32_t element(const struct conv_i8 *c, int64_t o, const int64_t out[3])
{
    const struct conv *s = &c->sizes;
    int64_t channels = s->in_c / s->groups, k[3], w = o * channels * conv_kernel_size(s);
    uint32_t sum = 0;
    for (int64_t ch = 0; ch < channels; ch++)
        for (k[0] = 0; k[0] < s->kernel[0]; k[0]++)
            for (k[1] = 0; k[1] < s->kernel[1]; k[1]++)
                for (k[2] = 0; k[2] < s->kernel[2]; k[2]++, w++) {
                    int64_t at = place_of(s, out, k);
                    if (at >= 0)
                        sum += (uint32_t)(bytes_at(&c->x, ch * conv_in_size(s) + at, 0) *
                                          bytes_at(&c->w, w, o));
                }
    return (int32_t)sum;
}

void conv_i8_ref(const struct conv_i8 *c)
{
    const struct conv *s = &c->sizes;
    int64_t size = conv_out_size(s), out[3], i = 0;
    for (int64_t o = 0; o < s->out_c / s->groups; o++)
        for (int64_t p = 0; p < size; p++) {
            out[0] = p / (s->out[1] * s->out[2]);
            out[1] = p / s->out[2] % s->out[1];
            out[2] = p % s->out[2];
            c->y[i++] = element(c, o, out);
        }
}
