/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Hand-made programs with blocks, for test_blocks.c (what binding refuses) and test_control.c (what
 * runs give). */
#ifndef ROOST_TESTS_CONTROL_MODEL_H
#define ROOST_TESTS_CONTROL_MODEL_H

#include "support/model.h"

/* Tensors and nodes of loop_model, by index. */
enum {
    LOOP_X,     /* input x: float32[N] */
    LOOP_N,     /* input n: int64 */
    LOOP_GO,    /* input go: bool */
    LOOP_FINAL, /* results of node 0, Loop(n, go, x; x) */
    LOOP_SLICES,
    LOOP_I, /* formals of block 1 */
    LOOP_COND,
    LOOP_STATE,
    LOOP_CAPTURED,
    LOOP_SUM, /* result of node 1, Add(state, captured) */
};

/* final = x + n * x, and slices [n][N] of the sums on the way. Block 1 gives cond, sum, sum. */
void loop_model(struct model *m);

/* y = yes ? a + a : a * a, for a: float32[N], yes: bool. Blocks 1 and 2 take a as their formal. */
void if_model(struct model *m);

/* final = s + the sum of x's rows, and all[N][2] the sums on the way; x: float32[N][2], s:
 * float32[2]. Scan-11 is node 0. */
void scan_model(struct model *m);

#endif
