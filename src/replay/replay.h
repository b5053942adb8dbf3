/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a trace would have cost under a policy. Two caches run side by side on the same invocations:
 * in one every miss fills at once, for the hit figures; in the other loads take their time over a
 * simulated link, for the waits. */
#ifndef ROOST_REPLAY_REPLAY_H
#define ROOST_REPLAY_REPLAY_H

#include "cache/policy/policy.h"
#include "replay/trace.h"

enum { REPLAY_CHUNK = 4 << 20, REPLAY_DOWNLOADS = 4, REPLAY_AGEING = 16 };
#define REPLAY_LINK_MAX ((uint64_t)1 << 50)

enum replay_scheduler {
    REPLAY_SRPT, /* chunks of REPLAY_CHUNK by loader/link_sched.h, which ages at the link's speed ÷
                  * REPLAY_AGEING */
    REPLAY_SHARED4, /* REPLAY_DOWNLOADS at once, first come first served, in equal shares */
};

struct replay_options {
    const struct policy_ops *policy; /* NULL: the lower bound, see replay_bound */
    uint64_t memory_bytes;           /* > 0 */
    uint64_t link_bytes_per_s;       /* 1 to REPLAY_LINK_MAX */
    enum replay_scheduler scheduler;
    uint64_t seed;
};

struct replay_result {
    uint64_t requests, models, tenants;
    uint64_t bytes; /* asked for; saturating */
    double hit_rate, byte_hit_rate;
    double miss_cost_ms; /* sum of load_us of the misses */
    uint64_t evictions;  /* for room, where misses fill at once */
    double jain;         /* over tenants' hit rates; 1 when all are 0 */
    /* Added to an invocation by the load it waits for; over all invocations. Percentiles are right
     * to 0.1 %. Not set by the bound, which knows no time. */
    double wait_mean_ms, wait_p50_ms, wait_p99_ms;
};

/* Reads t to its end.  blocks: disk   errors: trace_next's; E_NO_MEMORY */
enum status replay_run(struct trace *t, const struct replay_options *o, struct replay_result *out,
                       struct err *err) WARN_UNUSED;

#endif
