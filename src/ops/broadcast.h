/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Walking operands that broadcast to one output shape, as runs of constant step. */
#ifndef ROOST_OPS_BROADCAST_H
#define ROOST_OPS_BROADCAST_H

#include "tensor/tensor.h"

enum { BROADCAST_OPERANDS = 3 };

/* The output's dims without those of extent 1, neighbours merged where every operand allows it. */
struct broadcast {
    int rank, n;
    int64_t dims[TENSOR_RANK_MAX];
    int64_t step[BROADCAST_OPERANDS][TENSOR_RANK_MAX]; /* elements; 0: repeated */
    int64_t at[BROADCAST_OPERANDS];                    /* element where the current run begins */
    int64_t index[TENSOR_RANK_MAX];
};

/* in[n] must broadcast to out, which has elements. */
void broadcast_begin(struct broadcast *b, const struct tensor *out, const struct tensor *const *in,
                     int n);
/* Elements of each run; operand i's step inside a run. */
int64_t broadcast_run_count(const struct broadcast *b);
int64_t broadcast_run_step(const struct broadcast *b, int i);
/* On to the next run; false after the last. Runs follow the output in memory. */
bool broadcast_next(struct broadcast *b);

#endif
