/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Control flow: If, Loop and Scan. Their bodies are blocks, named by number in an attribute. They
 * have the flag OP_CONTROL: the runtime itself executes them (src/runtime/control.c), because only
 * it can run instructions; here stands what can be said of one instruction alone.
 *
 * Operands: the source's own, then the captures: what the bodies read of the block around them.
 *
 *            own operands                        a body's formals              a body's results
 *   If       cond                                captures                      outputs
 *   Loop     M?, cond?, K carried                iteration, cond, K, captures  cond, K, S scanned
 *   Scan-9   N states, M scanned                 N, M slices, captures         N, S slices
 *   Scan-8   lengths?, N states, M scanned       N, M slices, captures         N, S slices
 *
 * Outputs: If's as its bodies' results; Loop's K + S; Scan's N + S. */
#ifndef ROOST_OPS_CONTROL_H
#define ROOST_OPS_CONTROL_H

#include "ops/op.h"

enum {
    CONTROL_BODIES_MAX = 2,
    CONTROL_DEPTH_MAX = 32, /* how deep bodies may lie in one another */
};

enum control_kind { CONTROL_IF, CONTROL_LOOP, CONTROL_SCAN };

/* Along which axis each operand is sliced (or result is put together), and from which end. */
struct control_scan {
    const int64_t *axes;           /* n_axes; point into the attribute's payload */
    const int64_t *directions;     /* n_directions; 1: from the end */
    uint32_t n_axes, n_directions; /* 0: axis 0, forwards; else one each */
};

/* What prepare makes. */
struct op_control {
    enum control_kind kind;
    uint32_t n_bodies;
    uint32_t body[CONTROL_BODIES_MAX]; /* block numbers; If: then_branch, else_branch */
    int n_captures;
    int n_own;    /* operands before the captures */
    int n_state;  /* Loop: carried, K; Scan: N */
    int n_sliced; /* Scan: M */
    int n_scans;  /* If: outputs; else: those that are put together from slices, S */
    bool batched; /* Scan-8: a batch dim stands first, and the bodies run once for each item */
    struct control_scan in, out;
    /* Of each of the S slices, what the model declares, for when none comes: dtype (0: nothing),
     * rank, dims (0 for what is not fixed). Points into the attribute's payload. */
    const int64_t *types;
    uint32_t n_types;
};

/* How many formals and results each body must have. */
int control_formals(const struct op_control *c);
int control_results(const struct op_control *c);

/* What a slice of scanned result k is declared to be; dtype DT_NONE when nothing is known. */
void control_declared(const struct op_control *c, int k, struct tensor *out);

/* The attributes that name blocks, in the order of op_control.body; 0 ends. */
const enum attr_key *control_body_keys(const struct op *op);

#endif
