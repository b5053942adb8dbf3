/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How a packed product is cut, and its kernels per CPU level. */
#ifndef ROOST_KERNELS_PACKED_PRIV_H
#define ROOST_KERNELS_PACKED_PRIV_H

#include "kernels/blocked_priv.h"
#include "kernels/packed.h"

enum {
    PACKED_FEW = 4,              /* rows up to which w is read once, from memory */
    PACKED_UNIT_PANELS = 2,      /* side by side in a unit */
    PACKED_X_BYTES = 768 * 1024, /* of x that a unit reads: most of a second-level cache */
    PACKED_ROWS_MIN = 48,
    PACKED_DEPTH = 384, /* rows of a panel that stay in the first-level cache meanwhile */
};

/* Row blocks are `step` tall and come one after the other, each with `columns` units. */
struct packed_cut {
    int64_t step, columns, rows;
};
void packed_cut_of(const struct packed *p, struct packed_cut *c);

/* The part of a product that one unit is. */
struct packed_part {
    int64_t row, rows;     /* [row, row + rows) */
    int64_t panel, panels; /* likewise; at most PACKED_UNIT_PANELS */
};
ISA_EACH(void, packed_part, (const struct packed *p, const struct packed_part *part));

/* An activation that is applied to what stands in the registers. */
static inline bool packed_act_inline(enum activation a)
{
    return a == ACT_NONE || a == ACT_RELU || a == ACT_CLIP;
}

#endif
