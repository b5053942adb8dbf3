/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Reading the clock costs more than a small instruction: it is read after so many steps, and after
 * so many bytes that they touched. Cancellation is one load and is looked at each time. */
#include "runtime/guard.h"

#include <inttypes.h>

#include "base/clock.h"

enum {
    CLOCK_STEPS = 16,        /* the clock is read at least every so many steps */
    CLOCK_BYTES = 64 * 1024, /* and after steps that touched so many bytes */
};

static enum status check(struct guard *g, bool clock, struct err *err)
{
    const struct run_limits *l = g->limits;
    if (!l)
        return OK;
    if (l->cancelled && atomic_load_explicit(l->cancelled, memory_order_relaxed))
        return err_set(err, E_CANCELLED, "the run was cancelled");
    if (clock && l->deadline_us && clock_now_us() >= l->deadline_us)
        return err_set(err, E_TIMEOUT, "the deadline passed during the run");
    return OK;
}

enum status guard_start(struct guard *g, const struct run_limits *limits, struct err *err)
{
    uint64_t most = limits && limits->steps_max ? limits->steps_max : RUN_STEPS_DEFAULT;
    *g = (struct guard){.limits = limits, .steps_max = most, .clock_at = CLOCK_STEPS};
    return check(g, true, err);
}

enum status guard_step(struct guard *g, uint64_t bytes, struct err *err)
{
    if (g->steps >= g->steps_max) {
        return err_set(err, E_STEPS,
                       "the run took more than %" PRIu64 " steps, as many as it may (--max-steps)",
                       g->steps_max);
    }
    bool clock = g->bytes >= CLOCK_BYTES || g->steps >= g->clock_at;
    enum status s = check(g, clock, err);
    if (clock) {
        g->bytes = 0;
        g->clock_at = g->steps + CLOCK_STEPS;
    }
    g->steps++;
    g->bytes += bytes;
    return s;
}

enum status guard_end(struct guard *g, struct err *err)
{
    return check(g, true, err);
}
