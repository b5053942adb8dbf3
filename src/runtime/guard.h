/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What ends a run that goes on too long: its deadline, its caller, and the number of instructions
 * that it may execute. Both kinds of runs pass here before every instruction. */
#ifndef ROOST_RUNTIME_GUARD_H
#define ROOST_RUNTIME_GUARD_H

#include "runtime/session.h"

/* Embedded; lives as long as one run. */
struct guard {
    const struct run_limits *limits; /* borrowed; NULL: none but the default number of steps */
    uint64_t steps_max, steps;       /* that may be executed, and were */
    uint64_t bytes;                  /* touched since the clock was read, and by the next step */
    uint64_t clock_at;               /* at this step the clock is read, whatever was touched */
};

/* Before the first instruction.  errors: E_TIMEOUT, E_CANCELLED */
enum status guard_start(struct guard *g, const struct run_limits *limits,
                        struct err *err) WARN_UNUSED;
/* One instruction is to be executed (or one iteration of a loop), which will touch so many bytes.
 * errors: E_TIMEOUT when the deadline passed; E_STEPS when no step is left; E_CANCELLED */
enum status guard_step(struct guard *g, uint64_t bytes, struct err *err) WARN_UNUSED;
/* After the last one.  errors: as guard_start */
enum status guard_end(struct guard *g, struct err *err) WARN_UNUSED;

#endif
