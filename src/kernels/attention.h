/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Attention of many heads, a block of rows at a time: the scores of a block stay in the cache, and
 * the whole matrix of them never exists. */
#ifndef ROOST_KERNELS_ATTENTION_H
#define ROOST_KERNELS_ATTENTION_H

#include "base/base.h"

/* How a matrix of each batch item and head lies: elements from one item, head, row to the next. */
struct attention_part {
    const float *data;
    int64_t item, head, row;
};

/* y = softmax(scale * q k' + mask) v, for each of batch * heads.
 * shapes: q[rows][depth], k[columns][depth] (k_by_depth: [depth][columns]), v[columns][width],
 *         y[rows][width], each with its strides; elements of a row lie side by side
 * mask: added to the scores when data is set; its rows' elements lie mask_column apart (0 or 1)
 * scratch: attention_f32_scratch bytes, 64-byte aligned */
struct attention {
    int64_t batch, heads, rows, columns, depth, width;
    struct attention_part q, k, v, y, mask;
    int64_t mask_column;
    float *out; /* what y's strides apply to; y.data is not read */
    float scale;
    bool k_by_depth;
    void *scratch;
};

/* The most threads that take part: each has a room of the scratch, whether it comes or not. */
enum { ATTENTION_PARTS = 4 };

/* False when the bytes do not fit 63 bits. Reads sizes only, as the next does. */
bool attention_f32_scratch(const struct attention *a, uint64_t *bytes) WARN_UNUSED;
/* Parts that threads may run at the same time, each once: shares of the heads of all items. */
int64_t attention_parts(const struct attention *a);
void attention_f32(const struct attention *a, int64_t from, int64_t to); /* parts [from, to) */
void attention_f32_ref(const struct attention *a);                       /* scratch: not used */

#endif
