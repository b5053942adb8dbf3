/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pools over blocked tensors (kernels/blocked.h) of float32, bfloat16 or bytes. Of bytes, results
 * are the same bits at every level of kernels/cpu.h.
 *
 * thread: any   locks: none   blocks: no */
#ifndef ROOST_KERNELS_BLOCK_POOL_H
#define ROOST_KERNELS_BLOCK_POOL_H

#include "kernels/narrow.h"

/* shapes: x[planes][in[0]][in[1]][16] -> y[planes][out[0]][out[1]][16]
 * planes: batch times blocks. */
struct block_pool {
    int64_t planes;
    int64_t in[2], out[2], kernel[2], stride[2], dilation[2], pad[2], pad_end[2];
    bool count_pad; /* means: places in the padding count as zeros */
    struct narrow_data x, y;
};

/* The largest in each window: NaN where one is in it, -infinity where there is no place inside; of
 * bytes the least of all. y is of x's type, scale and zero point. */
void block_max(const struct block_pool *p);
void block_max_ref(const struct block_pool *p);
/* The mean of what elements mean, of any type into any; 0 where no place counts. */
void block_average(const struct block_pool *p);
void block_average_ref(const struct block_pool *p);

#endif
