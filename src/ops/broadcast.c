/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Broadcasting as runs: most real cases (same shape, a scalar, a bias row, a channel factor) end in
 * one run or in a few long ones.  source: ONNX, "Multidirectional Broadcasting" */
#include "ops/broadcast.h"

#include <string.h>

/* Operand t's step for the output's dim d, given its own running step. */
static int64_t step_at(const struct tensor *t, int rank, int d, int64_t *running)
{
    int e = d - (rank - t->rank);
    if (e < 0 || t->dims[e] == 1)
        return 0;
    int64_t step = *running;
    *running *= t->dims[e];
    return step;
}

/* Can the dim with these steps be walked as part of the last one found (the next inner one)? */
static bool merges(const struct broadcast *b, const int64_t step[BROADCAST_OPERANDS])
{
    if (b->rank == 0)
        return false;
    for (int i = 0; i < b->n; i++)
        if (step[i] != b->step[i][b->rank - 1] * b->dims[b->rank - 1])
            return false;
    return true;
}

void broadcast_begin(struct broadcast *b, const struct tensor *out, const struct tensor *const *in,
                     int n)
{
    int64_t running[BROADCAST_OPERANDS] = {1, 1, 1};
    b->rank = 0;
    b->n = n;
    for (int d = out->rank - 1; d >= 0; d--) { /* dims are collected innermost first */
        int64_t step[BROADCAST_OPERANDS] = {0};
        if (out->dims[d] == 1)
            continue;
        for (int i = 0; i < n; i++)
            step[i] = step_at(in[i], out->rank, d, &running[i]);
        if (merges(b, step)) {
            b->dims[b->rank - 1] *= out->dims[d];
            continue;
        }
        b->dims[b->rank] = out->dims[d];
        for (int i = 0; i < n; i++)
            b->step[i][b->rank] = step[i];
        b->rank++;
    }
    memset(b->at, 0, sizeof(b->at));
    memset(b->index, 0, sizeof(b->index));
}

int64_t broadcast_run_count(const struct broadcast *b)
{
    return b->rank ? b->dims[0] : 1;
}

int64_t broadcast_run_step(const struct broadcast *b, int i)
{
    return b->rank ? b->step[i][0] : 0;
}

bool broadcast_next(struct broadcast *b)
{
    for (int d = 1; d < b->rank; d++) {
        for (int i = 0; i < b->n; i++)
            b->at[i] += b->step[i][d];
        if (++b->index[d] < b->dims[d])
            return true;
        for (int i = 0; i < b->n; i++)
            b->at[i] -= b->step[i][d] * b->dims[d];
        b->index[d] = 0;
    }
    return false;
}
