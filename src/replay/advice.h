/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a cache's own traffic teaches: what more or less memory would bring (cache/policy/curve.h),
 * how far the last hour was from what could have been known only afterwards (the bound of
 * replay_priv.h), and which policy would have been cheapest in it. It hears what the cache tells
 * its watchers (cache/watch.h).
 *
 * An invocation whose load's cost is not known yet counts when the load ends, so that a model's
 * first touch costs what its load did. A pure object: no clock, lock or I/O. */
#ifndef ROOST_REPLAY_ADVICE_H
#define ROOST_REPLAY_ADVICE_H

#include "cache/policy/curve.h"
#include "cache/policy/policy.h"
#include "cache/watch.h"

enum {
    ADVICE_WINDOW = 100000,   /* invocations that regret and policies look at, at most … */
    ADVICE_SAMPLES = 1 << 14, /* models in the curve's sample */
    ADVICE_POLICIES = 8,
    ADVICE_HALF_LIFE = 1 << 20, /* invocations after which what the curve counted counts half */
};
#define ADVICE_SPAN_US UINT64_C(3600000000) /* … and not older than the newest by more */

/* An invocation, another version in the place of the one before, or a record that went. */
struct advice_event {
    uint64_t t_us, bytes;
    uint32_t id, reload_us;
    enum watch_kind kind; /* WATCH_HIT, WATCH_MISS, WATCH_JOINED, WATCH_ENTER, WATCH_FORGET */
    bool fresh;           /* the first that was ever heard of the model */
};

/* What is known of an id. */
struct advice_model {
    uint64_t bytes; /* that it takes, as heard last */
    bool heard;     /* of it, since it was forgotten */
    uint32_t late;  /* invocations that wait for the load's end to be counted */
};

/* Embedded. */
struct advice {
    struct curve curve;
    struct advice_event *window; /* heap: a ring of ADVICE_WINDOW */
    uint32_t first, count;       /* in it */
    struct advice_model *models; /* heap, per id */
    uint32_t ids;
};

/* errors: E_NO_MEMORY */
enum status advice_init(struct advice *a) WARN_UNUSED;
void advice_fini(struct advice *a); /* all zero is fine */
/* Ids below `ids` may come.  errors: E_NO_MEMORY: those beyond the ones before are passed over */
enum status advice_reserve(struct advice *a, uint32_t ids) WARN_UNUSED;
void advice_take(struct advice *a, const struct watch_event *e);

/* Of the invocations in the window; 0 where there are none. */
struct advice_regret {
    uint64_t invocations, hits;
    uint64_t span_us;     /* from the first to the last */
    double miss_cost_us;  /* what their misses' loads cost */
    double bound_cost_us; /* no policy could have had less, whatever it knew; <= miss_cost_us */
    double ratio;         /* the part of miss_cost_us beyond the bound, 0 to 1 */
};
/* Sorts the window's idle intervals: some tenths of a second.  errors: E_NO_MEMORY */
enum status advice_regret(const struct advice *a, uint64_t memory_bytes,
                          struct advice_regret *out) WARN_UNUSED;

struct advice_policy {
    const struct policy_ops *policy;
    double miss_cost_us; /* of the window but its first quarter, in which the cache fills */
};
/* What a policy would have cost in so much memory, if misses filled at once.  errors: E_NO_MEMORY
 */
enum status advice_policy(const struct advice *a, const struct policy_ops *policy,
                          uint64_t memory_bytes, struct advice_policy *out) WARN_UNUSED;

#endif
