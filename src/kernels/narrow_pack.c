/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Weights of low precision on their way into artifacts, and those of the depthwise form on their
 * way to the tiles. Not hot: plain loops. */
#include <math.h>
#include <string.h>

#include "kernels/narrow_priv.h"
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

bool narrow_deep_pack(const struct narrow *c, int64_t block, uint8_t *to)
{
    const int64_t runs = narrow_runs(c->kernel[1]), places = c->kernel[0] * c->kernel[1];
    const float *w = (const float *)c->w + block * places * BLOCK_LANES;
    if (2 * c->kernel[0] * runs > NARROW_DEEP_WORDS_MOST)
        return false;
    memset(to, 0, (size_t)(2 * c->kernel[0] * runs * BLOCK_LANES * NARROW_RUN));
    for (int64_t place = 0; place < places; place++) {
        const int64_t run = place / c->kernel[1] * runs + place % c->kernel[1] / NARROW_RUN;
        uint8_t *low = to + 2 * run * BLOCK_LANES * NARROW_RUN + place % c->kernel[1] % NARROW_RUN;
        for (int64_t lane = 0; lane < BLOCK_LANES; lane++, low += NARROW_RUN) {
            const float v = w[place * BLOCK_LANES + lane];
            if (!(v > -16000 && v < 16000) || v != (float)(int32_t)v)
                return false;
            const int32_t half = 1 << (NARROW_LOW_BITS - 1), n = (int32_t)v;
            const int32_t high = (n + half) >> NARROW_LOW_BITS;
            low[BLOCK_LANES * NARROW_RUN] = (uint8_t)(int8_t)high;
            *low = (uint8_t)(int8_t)(n - high * (1 << NARROW_LOW_BITS));
        }
    }
    return true;
}
