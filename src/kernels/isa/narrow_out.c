/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* From a tile's sums to the result's elements. Compiled without contraction (cmake/Isa.cmake): of
 * bytes the same bits come out at every level. */
#include <string.h>

#include "kernels/isa/isa.h"
#include "kernels/narrow_priv.h"

typedef uint32_t vec_uint __attribute__((vector_size(VEC * sizeof(float)), may_alias));
typedef uint8_t bytes __attribute__((vector_size(VEC), aligned(1), may_alias));
typedef uint16_t halves __attribute__((vector_size(VEC * 2), aligned(1), may_alias));

/* VEC elements as numbers; of bytes, less their zero point and scaled. */
static vec widened(const struct narrow_data *d, const uint8_t *from)
{
    if (d->type == NARROW_F32)
        return vec_load((const float *)(const void *)from);
    if (d->type == NARROW_BF16)
        return (vec)(__builtin_convertvector(*(const halves *)from, vec_uint) << 16);
    vec_int q = __builtin_convertvector(*(const bytes *)from, vec_int) - d->zero;
    return __builtin_convertvector(q, vec) * d->scale;
}

static void narrowed(const struct narrow_data *d, vec v, float reciprocal, uint8_t *to)
{
    if (d->type == NARROW_F32) {
        vec_store((float *)(void *)to, v);
    } else if (d->type == NARROW_BF16) {
        const vec_uint u = (vec_uint)v;
        vec_uint even = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
        even = (vec_uint)vec_pick(v != v, (vec)(u >> 16 | 0x40), (vec)even);
        *(halves *)to = __builtin_convertvector(even, halves);
    } else {
        /* Beyond what any zero point brings back, and where a NaN goes. */
        const vec low = vec_all(-512), high = vec_all(512), magic = vec_all(0x1.8p23f);
        v *= reciprocal;
        v = vec_pick(v > low, v, low);
        v = vec_pick(v < high, v, high);
        /* The sum's last bits are the integer that is nearest. */
        vec_int q = (vec_int)(v + magic) - (vec_int)magic + d->zero;
        q &= q > 0;
        q = ((q > 255) & 255) | ((q <= 255) & q);
        *(bytes *)to = __builtin_convertvector(q, bytes);
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

/* Scale, bias, sum and the activations that are short, in place. */
static void position(const struct narrow_out *o, const struct narrow_end *e, float *sums,
                     const uint8_t *from)
{
    const int64_t bytes_each = narrow_bytes(e->sum.type);
    for (int k = 0; k < BLOCK; k += VEC) {
        vec v = vec_load(sums + k);
        if (o->integers)
            v = __builtin_convertvector((vec_int)v, vec);
        if (e->scale)
            v *= vec_load(e->scale + o->lane + k);
        if (e->bias)
            v += vec_load(e->bias + o->lane + k);
        if (from)
            v += widened(&e->sum, from + k * bytes_each);
        vec_store(sums + k, activated(e, v));
    }
}

void ISA_NAME(narrow_out)(const struct narrow_out *o, const struct narrow_end *e)
{
    const int64_t from_bytes = narrow_bytes(e->sum.type), to_bytes = narrow_bytes(e->y.type);
    const float reciprocal = e->y.type == NARROW_U8 ? 1.0f / e->y.scale : 0;
    float *sums = (float *)(void *)o->sums;
    uint8_t room[BLOCK * sizeof(float)] = {0};
    for (int64_t i = 0; i < o->count; i++) {
        const uint8_t *from = e->sum.data;
        if (from)
            from += (o->to + i * o->step) * from_bytes;
        if (from && o->lanes < BLOCK)
            from = memcpy(room, from, (size_t)(o->lanes * from_bytes));
        position(o, e, sums + i * BLOCK, from);
    }
    if (e->epilogue.act > ACT_LEAKY_RELU)
        epilogue_f32(&e->epilogue, sums, 0, NULL, o->count * BLOCK);
    for (int64_t i = 0; i < o->count; i++) {
        uint8_t *y = (uint8_t *)e->y.data + (o->to + i * o->step) * to_bytes;
        uint8_t *to = o->lanes < BLOCK ? room : y;
        for (int k = 0; k < BLOCK; k += VEC)
            narrowed(&e->y, vec_load(sums + i * BLOCK + k), reciprocal, to + k * to_bytes);
        if (to == room)
            memcpy(y, room, (size_t)(o->lanes * to_bytes));
    }
}
