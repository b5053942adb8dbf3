/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a serving node says about its own cache: learns from what the cache tells its watchers
 * (replay/advice.h), on a thread of its own, "advisor". It looks at the curve once a second, and
 * back at the last hour when there was traffic: every ten seconds at most, and so seldom that this
 * takes a hundredth of one core.
 *
 * It publishes M_HIT_RATE_…, M_REGRET and M_ADVICE_LOST. */
#ifndef ROOST_REPLAY_ADVISOR_H
#define ROOST_REPLAY_ADVISOR_H

#include "cache/cache.h"
#include "replay/advice.h"

enum {
    ADVISOR_POINTS = 8,
    ADVISOR_EVENTS = 1 << 13, /* that wait for the thread; beyond it they are lost */
};

struct advisor; /* heap */

/* What more or less memory would give. */
struct advisor_point {
    double of;             /* the budget, times this */
    uint64_t memory_bytes; /* of, of the budget; it counts without what workers' arenas take now */
    struct curve_point at;
};

struct advisor_report {
    uint64_t limit_bytes;  /* the budget … */
    uint64_t models_bytes; /* … and what of it models may have, beside workers' arenas */
    uint64_t heard, lost;  /* invocations that it knows of, and events that it was too slow for */
    struct advisor_point points[ADVISOR_POINTS]; /* by rising memory; points[n].of is 1 for one n */
    bool looked_back;                            /* the rest is set */
    uint64_t looked_us;                          /* CLOCK_MONOTONIC */
    struct advice_regret regret;
    struct advice_policy policies[ADVICE_POLICIES]; /* all but auto, which follows one of them */
    uint32_t n_policies;
};

/* Listens to c from now on: before its first pin, and before cache_start. Ends with advisor_stop,
 * and advisor_free after c is freed.  errors: E_NO_MEMORY; E_INTERNAL */
enum status advisor_start(struct cache *c, struct advisor **out, struct err *err) WARN_UNUSED;
/* Ends the thread; what c tells from now on is not heard.  blocks: until it has looked back */
void advisor_stop(struct advisor *a);
void advisor_free(struct advisor **a);
/* The latest.  thread: any   locks: takes ADVISOR   blocks: no */
void advisor_read(struct advisor *a, struct advisor_report *out);

#endif
