/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Weights of low precision on their way into artifacts, and those of the depthwise form on their
 * way to the tiles. Not hot: plain loops. */
#include <math.h>
#include <string.h>

#include "kernels/narrow.h"
#include "tensor/tensor.h"

uint64_t narrow_packed_bytes(const struct narrow_packing *p)
{
    uint64_t words = (uint64_t)block_count(p->out) * (uint64_t)p->places *
                     (uint64_t)narrow_words(p->x, p->in) * BLOCK_LANES;
    return words * sizeof(uint32_t);
}

static float weight(const struct narrow_packing *p, int64_t o, int64_t i, int64_t place)
{
    return p->w[o * p->w_out + i * p->w_in + place];
}

static int8_t quantized(float w, float scale)
{
    float q = w / scale;
    q = q > -NARROW_WEIGHT_MOST ? q : -NARROW_WEIGHT_MOST;
    return (int8_t)lrintf(q < NARROW_WEIGHT_MOST ? q : NARROW_WEIGHT_MOST);
}

void narrow_pack(const struct narrow_packing *p)
{
    const int64_t word = narrow_word(p->x), words = narrow_words(p->x, p->in);
    memset(p->to, 0, (size_t)narrow_packed_bytes(p));
    for (int64_t o = 0; o < p->out; o++) {
        int64_t sum = 0;
        for (int64_t i = 0; i < p->in; i++)
            for (int64_t k = 0; k < p->places; k++) {
                int64_t at = (o / BLOCK_LANES * p->places + k) * words + i / word;
                at = (at * BLOCK_LANES + o % BLOCK_LANES) * word + i % word;
                float w = weight(p, o, i, k);
                if (p->x == NARROW_U8)
                    sum += ((int8_t *)p->to)[at] = quantized(w, p->scale[o]);
                else
                    ((uint16_t *)p->to)[at] = f32_to_bf16(w);
            }
        if (p->x == NARROW_U8 && p->sums)
            p->sums[o] = sum;
    }
}

void narrow_weight_scales(const struct narrow_packing *p, float *scale)
{
    for (int64_t o = 0; o < p->out; o++) {
        float most = 0;
        for (int64_t i = 0; i < p->in; i++)
            for (int64_t k = 0; k < p->places; k++)
                most = MAX(most, fabsf(weight(p, o, i, k)));
        scale[o] = most / NARROW_WEIGHT_MOST;
        if (!isnormal(scale[o]))
            scale[o] = 1;
    }
}
