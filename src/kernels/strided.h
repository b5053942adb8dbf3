/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Copying between two strided layouts of one shape: what Transpose, Slice, Expand, Tile, Pad and
 * Concat come down to. */
#ifndef ROOST_KERNELS_STRIDED_H
#define ROOST_KERNELS_STRIDED_H

#include "base/base.h"

enum { STRIDED_RANK_MAX = 16 };

/* dims[rank] elements; steps are elements too, 0 repeats a source element, negative ones walk
 * backwards. No two destination elements coincide, and source and destination do not overlap. */
struct strided {
    int rank;
    int64_t dims[STRIDED_RANK_MAX], src[STRIDED_RANK_MAX], dst[STRIDED_RANK_MAX];
};

/* Appends a dim, outermost first. */
static inline void strided_dim(struct strided *s, int64_t dim, int64_t src, int64_t dst)
{
    s->dims[s->rank] = dim;
    s->src[s->rank] = src;
    s->dst[s->rank++] = dst;
}

/* width: bytes of an element, 1, 2, 4, 8 or 16. */
void strided_copy(const struct strided *s, const void *src, void *dst, int width);
void strided_copy_ref(const struct strided *s, const void *src, void *dst, int width);

#endif
