/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* From a tile's sums to the result's elements. Compiled without contraction (cmake/Isa.cmake): of
 * bytes the same bits come out at every level. */
#include <math.h>
#include <string.h>

#include "kernels/act_priv.h"
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

/* reciprocal: of d's scale. */
static inline void narrowed(const struct narrow_data *d, vec v, vec reciprocal, uint8_t *to)
{
    if (d->type == NARROW_U8) {
        /* Beyond 512 no zero point brings anything back. */
        v = v * reciprocal;
        vec_u8_store(to, vec_round(vec_pick(v > 512.0f, vec_all(512), v)) + d->zero);
    } else if (d->type == NARROW_BF16) {
        const vec_uint u = (vec_uint)v, even = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
        vec_u16_store(to, (vec_int)vec_pick(v != v, (vec)(u >> 16 | 0x40), (vec)even));
    } else {
        vec_store((float *)(void *)to, v);
    }
}

/* Scale, bias, sum and the activations that are short, of VEC lanes of a block: what all positions
 * share. */
struct lanes {
    const float *sums;
    const uint8_t *from; /* the operand sum's; NULL: none */
    uint8_t *to;
    int64_t from_step, to_step; /* bytes from position to position */
    vec scale, bias, low, high, reciprocal;
};

static void lanes_run(const struct narrow_out *o, const struct narrow_end *e,
                      const struct narrow_data *d, struct lanes l)
{
    const bool integers = o->integers, scaled = e->scale, leaky = e->epilogue.act == ACT_LEAKY_RELU;
    for (int64_t i = 0; i < o->count; i++, l.sums += BLOCK, l.to += l.to_step) {
        vec v = vec_load(l.sums);
        if (integers)
            v = __builtin_convertvector((vec_int)v, vec);
        if (scaled)
            v = v * l.scale;
        v = v + l.bias;
        if (l.from)
            v = v + widened(&e->sum, l.from + i * l.from_step);
        if (leaky)
            v = vec_pick(v < 0.0f, v * e->epilogue.low, v);
        narrowed(d, vec_clamp(v, l.low, l.high), l.reciprocal, l.to);
    }
}

/* Writes whole blocks to where d is, positions `step` bytes apart; from: the operand sum's. */
static void pass(const struct narrow_out *o, const struct narrow_end *e,
                 const struct narrow_data *d, int64_t step, const uint8_t *from, int64_t from_step)
{
    const struct epilogue *a = &e->epilogue;
    const int64_t from_bytes = narrow_bytes(e->sum.type), to_bytes = narrow_bytes(d->type);
    struct lanes l = {.from_step = from_step,
                      .to_step = step,
                      .low = vec_all(a->act == ACT_CLIP   ? a->low
                                     : a->act == ACT_RELU ? 0
                                                          : -INFINITY),
                      .high = vec_all(a->act == ACT_CLIP ? a->high : INFINITY),
                      .reciprocal = vec_all(d->type == NARROW_U8 ? 1.0f / d->scale : 0)};
    for (int k = 0; k < BLOCK; k += VEC) {
        l.sums = (const float *)(const void *)o->sums + k;
        l.from = from ? from + k * from_bytes : NULL;
        l.to = (uint8_t *)d->data + k * to_bytes;
        l.scale = e->scale ? vec_load(e->scale + o->lane + k) : vec_all(1);
        l.bias =
            e->bias ? vec_load(e->bias + o->lane + k) : vec_all(-0.0f); /* which adds nothing */
        lanes_run(o, e, d, l);
    }
}

/* count positions of `bytes` bytes each between memory of theirs and whole blocks of their own. */
static void spread(uint8_t *to, int64_t to_step, const uint8_t *from, int64_t from_step,
                   const struct narrow_out *o, int64_t bytes)
{
    for (int64_t i = 0; i < o->count; i++)
        memcpy(to + i * to_step, from + i * from_step, (size_t)(o->lanes * bytes));
}

/* What is no whole block goes through memory of whole ones. Activations that take exponentials come
 * between two passes, for all positions at once. */
void ISA_NAME(narrow_out)(const struct narrow_out *o, const struct narrow_end *e)
{
    enum { ROOM = BLOCK * (int)sizeof(float) };
    const int64_t y_bytes = narrow_bytes(e->y.type), sum_bytes = narrow_bytes(e->sum.type);
    const bool whole = o->lanes == BLOCK;
    uint8_t y_room[NARROW_STRIP * ROOM], sum_room[NARROW_STRIP * ROOM];
    const uint8_t *sum = e->sum.data;
    int64_t sum_step = o->step * sum_bytes;
    if (sum)
        sum += o->to * sum_bytes;
    if (sum && !whole) {
        memset(sum_room, 0, sizeof(sum_room));
        spread(sum_room, ROOM, sum, sum_step, o, sum_bytes);
        sum = sum_room;
        sum_step = ROOM;
    }
    struct narrow_data y = e->y;
    uint8_t *const to = (uint8_t *)y.data + o->to * y_bytes;
    y.data = whole ? to : y_room;
    struct narrow_out floats = *o;
    struct narrow_end end = *e;
    if (e->epilogue.act > ACT_LEAKY_RELU) {
        const struct narrow_data real = {.type = NARROW_F32, .data = o->sums};
        pass(o, e, &real, ROOM, sum, sum_step);
        ISA_NAME(act_row)(&e->epilogue, real.data, o->count * BLOCK);
        floats.integers = false;
        end = (struct narrow_end){.y = e->y};
        sum = NULL;
    }
    pass(&floats, &end, &y, whole ? o->step * y_bytes : ROOM, sum, sum_step);
    if (!whole)
        spread(to, o->step * y_bytes, y_room, ROOM, o, y_bytes);
}

void ISA_NAME(narrow_widen)(const struct narrow_data *x, int64_t from, int64_t n, float *to)
{
    const uint8_t *at = (const uint8_t *)x->data + from * narrow_bytes(x->type);
    /* As the numbers that bytes are. */
    const struct narrow_data plain = {.type = x->type, .scale = 1};
    for (int64_t i = 0; i < n; i += VEC)
        vec_store(to + i, widened(&plain, at + i * narrow_bytes(x->type)));
}
