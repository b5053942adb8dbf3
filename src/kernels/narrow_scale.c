/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One factor and one summand per channel: what follows sums, on numbers that are there already. */
#include <string.h>

#include "kernels/narrow_priv.h"

enum { POSITIONS = 16 }; /* at once */

/* Elements of x as float32; bytes as the numbers that they are. */
static void widen(const struct narrow_data *x, int64_t at, int64_t n, uint32_t *to)
{
    if (x->type == NARROW_F32) {
        memcpy(to, (const float *)x->data + at, (size_t)n * sizeof(float));
    } else if (x->type == NARROW_BF16) {
        for (int64_t i = 0; i < n; i++)
            to[i] = (uint32_t)((const uint16_t *)x->data)[at + i] << 16;
    } else {
        for (int64_t i = 0; i < n; i++)
            to[i] = ((const uint8_t *)x->data)[at + i];
    }
}

void narrow_scale_run(const struct narrow_scale *s)
{
    _Alignas(64) uint32_t numbers[POSITIONS * BLOCK_LANES];
    void (*const out)(const struct narrow_out *, const struct narrow_end *) = ISA_PICK(narrow_out);
    for (int64_t block = 0; block < s->batch * s->blocks; block++)
        for (int64_t at = 0; at < s->plane; at += POSITIONS) {
            struct narrow_out o = {.sums = numbers,
                                   .integers = s->x.type == NARROW_U8,
                                   .count = MIN((int64_t)POSITIONS, s->plane - at),
                                   .lanes = BLOCK_LANES,
                                   .lane = block % s->blocks * BLOCK_LANES,
                                   .to = (block * s->plane + at) * BLOCK_LANES,
                                   .step = BLOCK_LANES};
            widen(&s->x, o.to, o.count * BLOCK_LANES, numbers);
            out(&o, &s->end);
        }
}
