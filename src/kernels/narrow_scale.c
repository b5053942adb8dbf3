/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One factor and one summand per channel: what follows sums, on numbers that are there already.
 * What networks have is a kernel of its own. */
#include "kernels/narrow_priv.h"

void narrow_scale_run(const struct narrow_scale *s)
{
    const struct narrow_end *e = &s->end;
    if (s->x.type == e->y.type && s->x.type != NARROW_F32 && e->scale && e->bias && !e->sum.data &&
        block_act_inline(e->epilogue.act)) {
        ISA_PICK(narrow_scale)(s);
        return;
    }
    _Alignas(64) float numbers[NARROW_STRIP * BLOCK_LANES];
    void (*const out)(const struct narrow_out *, const struct narrow_end *) = ISA_PICK(narrow_out);
    for (int64_t block = 0; block < s->batch * s->blocks; block++)
        for (int64_t at = 0; at < s->plane; at += NARROW_STRIP) {
            struct narrow_out o = {.sums = (uint32_t *)(void *)numbers,
                                   .count = MIN((int64_t)NARROW_STRIP, s->plane - at),
                                   .lanes = BLOCK_LANES,
                                   .lane = block % s->blocks * BLOCK_LANES,
                                   .to = (block * s->plane + at) * BLOCK_LANES,
                                   .step = BLOCK_LANES};
            ISA_PICK(narrow_widen)(&s->x, o.to, o.count * BLOCK_LANES, numbers);
            out(&o, &s->end);
        }
}
