/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One factor and one summand per channel where types stay as they are and activations are short:
 * what networks have. Compiled without contraction (cmake/Isa.cmake): of bytes the same bits come
 * out at every level. */
#include "kernels/isa/narrow_end.h"

/* VEC lanes of all positions of a block. */
struct lanes {
    vec scale, shift;
    struct bounds kept;
    bool dot; /* has the processor instructions for bfloat16? */
};

TILE_INLINE vec scaled(const struct narrow_data *x, const struct lanes *l, const uint8_t *from)
{
    const vec v = widened(x->type, 0, from); /* as the number that a byte is */
    return vec_clamp(vec_once(v, l->scale, l->shift), l->kept.low, l->kept.high);
}

/* x and y: of one type, that the compiler knows. */
TILE_INLINE void run(const struct narrow_data *x, const struct narrow_data *y, int64_t plane,
                     const struct lanes *l)
{
    const int64_t step = BLOCK * narrow_bytes(x->type);
    const uint8_t *from = x->data;
    uint8_t *to = y->data;
    int64_t k = 0;
#if ISA_LEVEL == 2
    const struct as_bytes bytes = as_bytes_of(y, 0, UINT8_MAX); /* bounds were kept before */
    for (; y->type == NARROW_U8 && k + 4 <= plane; k += 4) {
        vec v[4];
        TILE_UNROLL
        for (int i = 0; i < 4; i++)
            v[i] = scaled(x, l, from + (k + i) * step);
        bytes_store(bytes_of_four(v, &bytes), to + k * step, step);
    }
    for (; y->type == NARROW_BF16 && l->dot && k + 2 <= plane; k += 2) {
        const vec v[2] = {scaled(x, l, from + k * step), scaled(x, l, from + (k + 1) * step)};
        halves_store(halves_of_two(v), to + k * step, step);
    }
#endif
    for (; k < plane; k++)
        narrowed(y, scaled(x, l, from + k * step), vec_all(1), to + k * step);
}

static void block(const struct narrow_scale *s, int64_t block)
{
    const int64_t bytes = narrow_bytes(s->x.type), lane = block % s->blocks * BLOCK;
    const float before = narrow_before(&s->end);
    struct narrow_data x = s->x, y = s->end.y;
    struct lanes l = {.kept = bounds_of(&s->end), .dot = cpu_has_bf16()};
    if (y.type == NARROW_U8) { /* beyond 512 no zero point brings anything back */
        y.scale = 1;
        l.kept.high = vec_clamp(l.kept.high, vec_all(-INFINITY), vec_all(512));
    }
    for (int i = 0; i < BLOCK; i += VEC) {
        x.data = (uint8_t *)s->x.data + (block * s->plane * BLOCK + i) * bytes;
        y.data = (uint8_t *)s->end.y.data + (block * s->plane * BLOCK + i) * bytes;
        l.scale = vec_load(s->end.scale + lane + i) * before;
        l.shift = vec_load(s->end.bias + lane + i) * before;
        if (x.type == NARROW_U8) {
            x.type = y.type = NARROW_U8;
            run(&x, &y, s->plane, &l);
        } else {
            x.type = y.type = NARROW_BF16;
            run(&x, &y, s->plane, &l);
        }
    }
}

void ISA_NAME(narrow_scale)(const struct narrow_scale *s)
{
    for (int64_t i = 0; i < s->batch * s->blocks; i++)
        block(s, i);
}
