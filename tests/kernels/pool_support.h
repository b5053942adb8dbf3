/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Windows for the tests of blocked pools, of any element. */
#ifndef ROOST_TESTS_POOL_SUPPORT_H
#define ROOST_TESTS_POOL_SUPPORT_H

#include "kernels/blocked.h"
#include "kernels_support.h"

/* Images of at most high by wide, and more where the window reaches further. */
static inline void random_pool(struct block_pool *p, uint64_t *seed, int64_t high, int64_t wide)
{
    *p = (struct block_pool){.planes = random_int(seed, 1, 3),
                             .count_pad = random_int(seed, 0, 1) == 1};
    for (int d = 0; d < 2; d++) {
        p->kernel[d] = random_int(seed, 1, 4);
        p->stride[d] = random_int(seed, 1, 3);
        p->dilation[d] = random_int(seed, 1, 2);
        p->pad[d] = random_int(seed, 0, 3);
        p->pad_end[d] = random_int(seed, 0, 3);
        int64_t reach = (p->kernel[d] - 1) * p->dilation[d] + 1;
        p->in[d] = random_int(seed, 1, d ? wide : high);
        p->in[d] = MAX(p->in[d], reach - p->pad[d] - p->pad_end[d]);
        p->out[d] = (p->in[d] + p->pad[d] + p->pad_end[d] - reach) / p->stride[d] + 1;
    }
}

#endif
