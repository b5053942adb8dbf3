/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Low precision spelled out, element by element. Sums of bytes are integers and what follows them
 * is float32 step by step, so that the bits are the specification's; other sums are in double. */
#include <math.h>

#include "kernels/block_pool.h"
#include "kernels/narrow_priv.h"
#include "tensor/tensor.h"

static float element(const struct narrow_data *d, int64_t i)
{
    if (d->type == NARROW_U8)
        return (float)((const uint8_t *)d->data)[i];
    return d->type == NARROW_BF16 ? bf16_to_f32(((const uint16_t *)d->data)[i])
                                  : ((const float *)d->data)[i];
}

/* What an output element is. */
struct at {
    int64_t image, group, block, lane; /* block of the group; lane of the block */
    int64_t y, x;
};

static int64_t in_blocks(const struct narrow *c)
{
    return c->form == NARROW_DEPTHWISE ? 1 : block_count(c->in_c);
}

/* x at channel i of the group and image position (y, x), as the bytes say. */
static double input(const struct narrow *c, const struct at *at, int64_t i, int64_t y, int64_t x)
{
    if (c->form == NARROW_PRODUCT)
        return (double)element(&c->x, x * c->in_c + i);
    if (y < 0 || y >= c->in[0] || x < 0 || x >= c->in[1])
        return c->x.type == NARROW_U8 ? c->x.zero : 0;
    if (c->planes)
        return (double)element(&c->x, ((at->image * c->in_c + i) * c->in[0] + y) * c->in[1] + x);
    int64_t block = (at->image * c->groups + at->group) * in_blocks(c) + i / BLOCK_LANES;
    return (double)element(&c->x,
                           ((block * c->in[0] + y) * c->in[1] + x) * BLOCK_LANES + i % BLOCK_LANES);
}

static double weight(const struct narrow *c, const struct at *at, int64_t i, int64_t place)
{
    int64_t places = c->kernel[0] * c->kernel[1], word = narrow_word(c->x.type);
    int64_t block = at->group * c->out_blocks + at->block;
    if (c->form == NARROW_DEPTHWISE)
        return (double)((const float *)c->w)[(block * places + place) * BLOCK_LANES + at->lane];
    int64_t words = narrow_words(c->x.type, c->in_c);
    int64_t to =
        (((block * places + place) * words + i / word) * BLOCK_LANES + at->lane) * word + i % word;
    return c->x.type == NARROW_U8 ? (double)((const int8_t *)c->w)[to]
                                  : (double)bf16_to_f32(((const uint16_t *)c->w)[to]);
}

static double products(const struct narrow *c, const struct at *at)
{
    bool depthwise = c->form == NARROW_DEPTHWISE;
    double sum = 0;
    for (int64_t i = depthwise ? at->lane : 0; i < (depthwise ? at->lane + 1 : c->in_c); i++)
        for (int64_t ky = 0; ky < c->kernel[0]; ky++)
            for (int64_t kx = 0; kx < c->kernel[1]; kx++)
                sum += weight(c, at, i, ky * c->kernel[1] + kx) *
                       input(c, at, i, at->y * c->stride[0] - c->pad[0] + ky * c->dilation[0],
                             at->x * c->stride[1] - c->pad[1] + kx * c->dilation[1]);
    return sum;
}

uint8_t narrow_byte(const struct narrow_data *d, float v)
{
    float q = v * (1.0f / d->scale);
    q = q > -512.0f ? q : -512.0f; /* beyond what any zero point brings back; so is a NaN */
    q = q < 512.0f ? q : 512.0f;
    const long byte = lrintf(q) + d->zero;
    return (uint8_t)(byte < 0 ? 0 : byte > 255 ? 255 : byte);
}

static void store(const struct narrow_data *d, int64_t i, float v)
{
    if (d->type == NARROW_F32)
        ((float *)d->data)[i] = v;
    else if (d->type == NARROW_BF16)
        ((uint16_t *)d->data)[i] = f32_to_bf16(v);
    else
        ((uint8_t *)d->data)[i] = narrow_byte(d, v);
}

/* Products and sums of floats in steps: a contracted one would round once where kernels round
 * twice. */
static float rounded(float v)
{
    volatile float kept = v;
    return kept;
}

/* v and element i of a sum, whose numbers are multiplied by `before`. */
static float summed(const struct narrow_data *d, int64_t i, float before, float v)
{
    return d->type == NARROW_U8
               ? fmaf(element(d, i) - (float)d->zero, rounded(d->scale * before), v)
               : fmaf(element(d, i), before, v);
}

void narrow_finish_ref(const struct narrow_end *e, float v, int64_t lane, int64_t i)
{
    const float before = narrow_before(e);
    struct narrow_data y = e->y;
    y.scale = before == 1 ? y.scale : 1;
    /* -0 adds nothing. */
    const float bias = rounded((e->bias ? e->bias[lane] : -0.0f) * before);
    v = fmaf(v, rounded((e->scale ? e->scale[lane] : 1) * before), bias);
    if (e->sum.data)
        v = summed(&e->sum, i, before, v);
    const float low = e->epilogue.act == ACT_CLIP ? rounded(e->epilogue.low * before) : 0;
    const float high = rounded(e->epilogue.high * before);
    if (e->epilogue.act == ACT_RELU || e->epilogue.act == ACT_CLIP)
        v = v < low ? low : v; /* -0 stays */
    if (e->epilogue.act == ACT_CLIP)
        v = v > high ? high : v;
    if (e->epilogue.act == ACT_LEAKY_RELU)
        v = v < 0 ? rounded(v * e->epilogue.low) : v;
    if (e->epilogue.act > ACT_LEAKY_RELU)
        epilogue_f32_ref(&e->epilogue, &v, 0, NULL, 1);
    store(&y, i, v);
}

/* Element i of y: lane, column, row, block, image from the last to the first. */
static struct at place_of(const struct narrow *c, int64_t i)
{
    struct at at = {.lane = i % BLOCK_LANES};
    i /= BLOCK_LANES;
    at.x = i % c->out[1];
    i /= c->out[1];
    at.y = i % c->out[0];
    i /= c->out[0];
    at.block = i % c->out_blocks;
    i /= c->out_blocks;
    at.group = i % c->groups;
    at.image = i / c->groups;
    return at;
}

void narrow_run_ref(const struct narrow *c)
{
    int64_t n = c->batch * c->groups * c->out_blocks * c->out[0] * c->out[1] * BLOCK_LANES;
    bool rows = c->form == NARROW_PRODUCT;
    for (int64_t i = 0; i < n; i++) {
        struct at at = place_of(c, i);
        int64_t lane = (at.group * c->out_blocks + at.block) * BLOCK_LANES + at.lane;
        if (rows && lane >= c->out_c)
            continue;
        narrow_finish_ref(&c->end, (float)products(c, &at), lane,
                          rows ? at.x * c->out_c + lane : i);
    }
}

void narrow_scale_run_ref(const struct narrow_scale *s)
{
    int64_t n = s->batch * s->blocks * s->plane * BLOCK_LANES;
    for (int64_t i = 0; i < n; i++) {
        int64_t block = i / BLOCK_LANES / s->plane % s->blocks;
        narrow_finish_ref(&s->end, element(&s->x, i), block * BLOCK_LANES + i % BLOCK_LANES, i);
    }
}

/* One output number: the maximum of elements, or the mean of what they mean. */
static double pooled(const struct block_pool *p, int64_t i, bool max)
{
    const int64_t lane = i % BLOCK_LANES, x = i / BLOCK_LANES % p->out[1];
    const int64_t y = i / BLOCK_LANES / p->out[1] % p->out[0];
    const int64_t plane = i / BLOCK_LANES / p->out[1] / p->out[0];
    double best = p->x.type == NARROW_U8 ? 0 : -INFINITY, sum = 0;
    int64_t inside = 0, padded = 0;
    for (int64_t k = 0; k < p->kernel[0] * p->kernel[1]; k++) {
        int64_t iy = y * p->stride[0] - p->pad[0] + k / p->kernel[1] * p->dilation[0];
        int64_t ix = x * p->stride[1] - p->pad[1] + k % p->kernel[1] * p->dilation[1];
        padded += iy < p->in[0] + p->pad_end[0] && ix < p->in[1] + p->pad_end[1];
        if (iy < 0 || iy >= p->in[0] || ix < 0 || ix >= p->in[1])
            continue;
        int64_t at = ((plane * p->in[0] + iy) * p->in[1] + ix) * BLOCK_LANES + lane;
        double v = (double)element(&p->x, at);
        best = v > best || isnan(v) ? v : best;
        sum += p->x.type == NARROW_U8 ? (v - p->x.zero) * (double)p->x.scale : v;
        inside++;
    }
    int64_t count = p->count_pad ? padded : inside;
    return max ? best : count ? sum / (double)count : 0;
}

void block_max_ref(const struct block_pool *p)
{
    /* Bytes as they are: the maximum is one of them. */
    const struct narrow_data y = {p->y.type, 1, 0, p->y.data};
    for (int64_t i = 0; i < p->planes * p->out[0] * p->out[1] * BLOCK_LANES; i++)
        store(&y, i, (float)pooled(p, i, true));
}

void block_average_ref(const struct block_pool *p)
{
    for (int64_t i = 0; i < p->planes * p->out[0] * p->out[1] * BLOCK_LANES; i++)
        store(&p->y, i, (float)pooled(p, i, false));
}
