/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* From a tile's sums to the result's elements. Compiled without contraction (cmake/Isa.cmake): of
 * bytes the same bits come out at every level. */
#include <string.h>

#include "kernels/isa/isa.h"
#include "kernels/narrow_priv.h"

typedef uint32_t vec_uint __attribute__((vector_size(VEC * sizeof(float)), may_alias));

/* VEC elements as numbers; of bytes, less their zero point and scaled. */
static inline vec widened(const struct narrow_data *d, const uint8_t *from)
{
    if (d->type == NARROW_F32)
        return vec_load((const float *)(const void *)from);
    if (d->type == NARROW_BF16)
        return (vec)(vec_u16_load(from) << 16);
    return __builtin_convertvector(vec_u8_load(from) - d->zero, vec) * d->scale;
}

static inline void narrowed(const struct narrow_data *d, vec v, float reciprocal, uint8_t *to)
{
    if (d->type == NARROW_F32) {
        vec_store((float *)(void *)to, v);
    } else if (d->type == NARROW_BF16) {
        const vec_uint u = (vec_uint)v, even = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
        vec_u16_store(to, (vec_int)vec_pick(v != v, (vec)(u >> 16 | 0x40), (vec)even));
    } else {
        /* Beyond what any zero point brings back; a NaN becomes the first. */
        const vec low = vec_all(-512), high = vec_all(512), magic = vec_all(0x1.8p23f);
        v *= reciprocal;
        v = vec_pick(v > low, v, low);
        v = vec_pick(v < high, v, high);
        /* The sum's last bits are the integer that is nearest. */
        vec_u8_store(to, (vec_int)(v + magic) - (vec_int)magic + d->zero);
    }
}

static inline vec activated(const struct narrow_end *e, vec v)
{
    switch (e->epilogue.act) {
    case ACT_RELU:
        return vec_pick(v < 0.0f, vec_all(0), v);
    case ACT_CLIP:
        v = vec_pick(v < e->epilogue.low, vec_all(e->epilogue.low), v);
        return vec_pick(v > e->epilogue.high, vec_all(e->epilogue.high), v);
    case ACT_LEAKY_RELU:
        return vec_pick(v < 0.0f, v * e->epilogue.low, v);
    default:
        return v;
    }
}

/* Scale, bias, sum and the activations that are short. */
static inline vec finished(const struct narrow_out *o, const struct narrow_end *e, vec v, int k,
                           const uint8_t *from)
{
    if (o->integers)
        v = __builtin_convertvector((vec_int)v, vec);
    if (e->scale)
        v *= vec_load(e->scale + o->lane + k);
    if (e->bias)
        v += vec_load(e->bias + o->lane + k);
    if (from)
        v += widened(&e->sum, from + k * narrow_bytes(e->sum.type));
    return activated(e, v);
}

/* Writes `lanes` elements of each position to where d is, positions `step` bytes apart. */
static void pass(const struct narrow_out *o, const struct narrow_end *e,
                 const struct narrow_data *d, int64_t lanes, int64_t step)
{
    const int64_t from_bytes = narrow_bytes(e->sum.type), to_bytes = narrow_bytes(d->type);
    const float reciprocal = d->type == NARROW_U8 ? 1.0f / d->scale : 0;
    const float *sums = (const float *)(const void *)o->sums;
    const bool whole = lanes == BLOCK;
    uint8_t room[BLOCK * sizeof(float)], sum[sizeof(room)] = {0}, *y = d->data;
    for (int64_t i = 0; i < o->count; i++, y += step) {
        const uint8_t *from = e->sum.data;
        if (from)
            from += (o->to + i * o->step) * from_bytes;
        if (from && o->lanes < BLOCK)
            from = memcpy(sum, from, (size_t)(o->lanes * from_bytes));
        uint8_t *to = whole ? y : room;
        for (int k = 0; k < BLOCK; k += VEC)
            narrowed(d, finished(o, e, vec_load(sums + i * BLOCK + k), k, from), reciprocal,
                     to + k * to_bytes);
        if (!whole)
            memcpy(y, room, (size_t)(lanes * to_bytes));
    }
}

void ISA_NAME(narrow_out)(const struct narrow_out *o, const struct narrow_end *e)
{
    const int64_t bytes = narrow_bytes(e->y.type);
    struct narrow_data y = e->y;
    y.data = (uint8_t *)y.data + o->to * bytes;
    if (e->epilogue.act <= ACT_LEAKY_RELU) {
        pass(o, e, &y, o->lanes, o->step * bytes);
        return;
    }
    /* The exponentials of all positions at once, in place. */
    const struct narrow_data whole = {.type = NARROW_F32, .data = o->sums};
    const struct narrow_end plain = {.y = e->y};
    struct narrow_out floats = *o;
    floats.integers = false;
    pass(o, e, &whole, BLOCK, BLOCK * (int64_t)sizeof(float));
    epilogue_f32(&e->epilogue, whole.data, 0, NULL, o->count * BLOCK);
    pass(&floats, &plain, &y, o->lanes, o->step * bytes);
}

void ISA_NAME(narrow_widen)(const struct narrow_data *x, int64_t from, int64_t n, float *to)
{
    const uint8_t *at = (const uint8_t *)x->data + from * narrow_bytes(x->type);
    /* As the numbers that bytes are. */
    const struct narrow_data plain = {.type = x->type, .scale = 1};
    for (int64_t i = 0; i < n; i += VEC)
        vec_store(to + i, widened(&plain, at + i * narrow_bytes(x->type)));
}
