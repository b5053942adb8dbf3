/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A session: one run's scratch. It belongs to a worker, not to a model: any program runs in it.
 * Before a run it plans: infers every shape for the actual inputs, places every value in the arena
 * (greedy by size), reserves the arena; then it runs without allocating. The plans of the last few
 * programs and shapes are kept, so that what comes again plans nothing.
 *
 * A program in which a shape depends on data cannot be planned. It runs step by step: each
 * instruction in turn infers its shapes with the values at hand, takes memory of the arena for what
 * it makes, runs, and gives back what nobody reads any more. */
#ifndef ROOST_RUNTIME_SESSION_H
#define ROOST_RUNTIME_SESSION_H

#include <stdatomic.h>

#include "mem/arena.h"
#include "runtime/program.h"

struct session;

/* arena is borrowed and outlives the session; the session is its only user.  errors: E_NO_MEMORY */
enum status session_new(struct arena *arena, struct session **out) WARN_UNUSED;
void session_free(struct session **s);

/* Drops all plans and what they hold of the arena: before the arena is given back between runs. */
void session_forget(struct session *s);

/* Lets runs of planned programs share large operators with other threads; NULL: no more. Borrowed
 * as long as runs are made. Answers do not depend on it. */
void session_set_team(struct session *s, const struct op_team *team);

/* Is told of every result of a planned run right after its instruction, while it still stands
 * there: the tensor's index in the program, its shape and data; where the plan runs item by item,
 * of each item's. Results that only look at other
 * bytes, or follow from shapes, have no instruction that runs, and it is not told of them. */
struct session_watch {
    void (*see)(void *arg, int32_t tensor, const struct tensor *t);
    void *arg; /* borrowed */
};
/* NULL: no more. Borrowed as long as runs are made. */
void session_set_watch(struct session *s, const struct session_watch *watch);

#define RUN_STEPS_DEFAULT UINT64_C(100000000)

struct run_limits {
    uint64_t deadline_us;         /* CLOCK_MONOTONIC; 0: none. Checked between instructions */
    const atomic_bool *cancelled; /* NULL: never. Checked between instructions */
    uint64_t steps_max;           /* instructions that may be executed, those of loops each time; 0:
                                   * RUN_STEPS_DEFAULT */
};

/* Plans if needed and runs.
 * shapes:  in[i] as signature input i with actual dims -> out[i] as signature output i
 * owns:    in borrowed, its data may be misaligned; out[i].data lies in the arena (or in the
 *          program, or in in[]) until the next call on that session, and only while the program is
 *          pinned
 * thread:  the worker's   locks: none   blocks: no, but for what the arena's charge does
 * errors:  E_BAD_INPUT (an input that does not fit the signature: names tensor, what came, what was
 *          expected; a data-dependent index or shape); E_TOO_LARGE beyond the arena's maximum,
 * naming the shape; E_NO_MEMORY; E_NO_ROOM; E_TIMEOUT; E_STEPS beyond steps_max; E_CANCELLED;
 * E_UNSUPPORTED; E_CORRUPT (an output that its signature does not allow at these shapes);
 * E_INTERNAL */
enum status session_run(struct session *s, const struct program *p, const struct tensor *in,
                        struct tensor *out, const struct run_limits *limits,
                        struct err *err) WARN_UNUSED;

/* Bytes of the arena that the last run used, its plan's own among them. */
uint64_t session_arena_bytes(const struct session *s);
/* Plans made so far: a run that found its plan makes none. */
uint64_t session_plans_made(const struct session *s);

#endif
