/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* From a tile's sums to the result's elements. Compiled without contraction (cmake/Isa.cmake): of
 * bytes the same bits come out at every level. */
#include <string.h>

#include "kernels/act_priv.h"
#include "kernels/isa/act.h"
#include "kernels/isa/narrow_end.h"

#if ISA_LEVEL == 0
/* The product is exact in double, and rounding its sum twice is rounding it once, unless the first
 * gives what lies in the middle between two floats: its last 29 bits say so. */
vec ISA_NAME(narrow_once)(vec a, vec b, vec c)
{
    typedef double wide __attribute__((vector_size(VEC * sizeof(double))));
    typedef int32_t halves __attribute__((vector_size(VEC * sizeof(double))));
    typedef int64_t two __attribute__((vector_size(VEC * sizeof(float))));
    const wide sum = __builtin_convertvector(a, wide) * __builtin_convertvector(b, wide) +
                     __builtin_convertvector(c, wide);
    const vec_int low = __builtin_shufflevector((halves)sum, (halves)sum, 0, 2, 4, 6);
    const two middle = (two)((low & 0x1fffffff) == 0x10000000);
    vec once = __builtin_convertvector(sum, vec);
    for (int i = 0; i < VEC && (middle[0] | middle[1]); i++)
        once[i] = fmaf(a[i], b[i], c[i]);
    return once;
}
#endif

/* Scale, bias, sum and the activations that are short, of VEC lanes of a block: what all positions
 * share. */
struct lanes {
    const float *sums;
    const uint8_t *from; /* the operand sum's; NULL: none */
    uint8_t *to;
    int64_t from_step, to_step; /* bytes from position to position */
    struct bounds kept;
    vec scale, bias, slope, reciprocal; /* slope: of what is below 0 */
    enum narrow_type sum;
    int32_t sum_zero;
    vec sum_scale;
};

#define EACH(many)                                                                                 \
    TILE_UNROLL                                                                                    \
    for (int k = 0; k < (many); k++)

static inline vec gelu_of(const struct narrow_end *e, vec v)
{
#if ISA_LEVEL == 2
    if (e->y.type == NARROW_U8)
        return vec_gelu_byte(v);
#endif
    UNUSED(e);
    return vec_gelu(v);
}

/* What positions [i, i + many) are before they are stored: each choice is made once for them all.
 */
TILE_INLINE void numbers_of(const struct narrow_out *o, const struct narrow_end *e,
                            const struct lanes *l, int64_t i, const int many, vec v[])
{
    EACH(many) v[k] = vec_load(l->sums + (i + k) * BLOCK);
    if (o->integers)
        EACH(many) v[k] = __builtin_convertvector((vec_int)v[k], vec);
    EACH(many) v[k] = vec_once(v[k], l->scale, l->bias);
    if (l->from)
        EACH(many)
    v[k] = vec_once(widened(l->sum, l->sum_zero, l->from + (i + k) * l->from_step), l->sum_scale,
                    v[k]);
    if (e->epilogue.act == ACT_GELU)
        EACH(many) v[k] = gelu_of(e, v[k]);
    else
        EACH(many) v[k] = vec_less(v[k], vec_all(0), v[k] * l->slope, v[k]);
    EACH(many) v[k] = vec_clamp(v[k], l->kept.low, l->kept.high);
}

#if ISA_LEVEL == 2
enum { FOUR = 4 };

/* Are four positions stored at once? */
static bool in_fours(const struct narrow_out *o, const struct narrow_data *d)
{
    if (d->type == NARROW_U8)
        return isfinite(512 * d->scale);
    return d->type == NARROW_F32 || o->instruction;
}

/* All positions that are whole fours; so many they were. */
static int64_t fours(const struct narrow_out *o, const struct narrow_end *e,
                     const struct narrow_data *d, const struct lanes *l)
{
    const struct as_bytes bytes = as_bytes_of(d, 0, UINT8_MAX);
    struct lanes all = *l;
    int64_t i = 0;
    if (d->type == NARROW_U8)
        all.kept = bounds_of_bytes(l->kept, d->scale);
    for (; i + FOUR <= o->count; i += FOUR) {
        uint8_t *const to = l->to + i * l->to_step;
        vec v[FOUR];
        numbers_of(o, e, &all, i, FOUR, v);
        if (d->type == NARROW_U8) {
            EACH(FOUR) v[k] = v[k] * l->reciprocal;
            bytes_store(bytes_of_four(v, &bytes), to, l->to_step);
        } else if (d->type == NARROW_F32) {
            EACH(FOUR) vec_store((float *)(void *)(to + k * l->to_step), v[k]);
        } else {
            halves_store(halves_of_two(v), to, l->to_step);
            halves_store(halves_of_two(v + 2), to + 2 * l->to_step, l->to_step);
        }
    }
    return i;
}
#endif

static void lanes_run(const struct narrow_out *o, const struct narrow_end *e,
                      const struct narrow_data *d, const struct lanes *l)
{
    int64_t i = 0;
#if ISA_LEVEL == 2
    if (in_fours(o, d))
        i = fours(o, e, d, l);
#endif
    for (; i < o->count; i++) {
        vec v;
        numbers_of(o, e, l, i, 1, &v);
        narrowed(d, v, l->reciprocal, l->to + i * l->to_step);
    }
}

/* Writes whole blocks to where d, the end's y, is, positions `step` bytes apart; from: the operand
 * sum's. */
static void pass(const struct narrow_out *o, const struct narrow_end *e, int64_t step,
                 const uint8_t *from, int64_t from_step)
{
    const float before = narrow_before(e);
    struct narrow_data d = e->y;
    const int64_t from_bytes = narrow_bytes(e->sum.type), to_bytes = narrow_bytes(d.type);
    struct lanes l = {.from_step = from_step,
                      .to_step = step,
                      .kept = bounds_of(e),
                      .slope = vec_all(e->epilogue.act == ACT_LEAKY_RELU ? e->epilogue.low : 1),
                      .sum = e->sum.type,
                      .sum_zero = e->sum.zero,
                      .sum_scale =
                          vec_all(e->sum.type == NARROW_U8 ? e->sum.scale * before : before)};
    d.scale = before == 1 ? d.scale : 1;
    l.reciprocal = vec_all(d.type == NARROW_U8 ? 1.0f / d.scale : 0);
    for (int k = 0; k < BLOCK; k += VEC) {
        l.sums = (const float *)(const void *)o->sums + k;
        l.from = from ? from + k * from_bytes : NULL;
        l.to = (uint8_t *)d.data + k * to_bytes;
        l.scale = (e->scale ? vec_load(e->scale + o->lane + k) : vec_all(1)) * before;
        l.bias = (e->bias ? vec_load(e->bias + o->lane + k) : vec_all(-0.0f)) * before;
        lanes_run(o, e, &d, &l);
    }
}

/* count positions of `bytes` bytes each between memory of theirs and whole blocks of their own. */
static void spread(uint8_t *to, int64_t to_step, const uint8_t *from, int64_t from_step,
                   const struct narrow_out *o, int64_t bytes)
{
    for (int64_t i = 0; i < o->count; i++)
        memcpy(to + i * to_step, from + i * from_step, (size_t)(o->lanes * bytes));
}

/* What is no whole block goes through memory of whole ones. Activations that take exponentials, but
 * for the one that transformers have, come between two passes, for all positions at once. */
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
    uint8_t *const to = (uint8_t *)e->y.data + o->to * y_bytes;
    struct narrow_out floats = *o;
    struct narrow_end end = *e;
    if (e->epilogue.act > ACT_LEAKY_RELU && e->epilogue.act != ACT_GELU) {
        end.y = (struct narrow_data){.type = NARROW_F32, .data = o->sums};
        pass(o, &end, ROOM, sum, sum_step);
        ISA_NAME(act_row)(&e->epilogue, end.y.data, o->count * BLOCK);
        floats.integers = false;
        end = (struct narrow_end){.y = e->y};
        sum = NULL;
    }
    end.y.data = whole ? to : y_room;
    pass(&floats, &end, whole ? o->step * y_bytes : ROOM, sum, sum_step);
    if (!whole)
        spread(to, o->step * y_bytes, y_room, ROOM, o, y_bytes);
}

void ISA_NAME(narrow_widen)(const struct narrow_data *x, int64_t from, int64_t n, float *to)
{
    const uint8_t *at = (const uint8_t *)x->data + from * narrow_bytes(x->type);
    for (int64_t i = 0; i < n; i += VEC)
        vec_store(to + i, widened(x->type, 0, at + i * narrow_bytes(x->type)));
}
