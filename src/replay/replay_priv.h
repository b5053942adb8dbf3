/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The parts of a replay. */
#ifndef ROOST_REPLAY_REPLAY_PRIV_H
#define ROOST_REPLAY_REPLAY_PRIV_H

#include "loader/link_sched.h"
#include "replay/replay.h"

/* ---- waits.c: how long invocations waited; 512 buckets an octave, so right to 0.1 % ---- */
struct waits {
    uint64_t *buckets;    /* heap */
    uint64_t count, none; /* all; those of no wait */
    double sum_us;
};
enum status waits_init(struct waits *w) WARN_UNUSED; /* errors: E_NO_MEMORY */
void waits_fini(struct waits *w);
void waits_add(struct waits *w, double us);
/* The wait of rank ceil(share * count), from 1; 0 without any. */
double waits_percentile_us(const struct waits *w, double share);

/* ---- link.c: when transfers end. Time is in us and does not fall ---- */
/* May the model's load begin now (has it room)? Asked again after each end while it may not. */
typedef bool link_start_fn(void *arg, uint32_t id, uint64_t now_us);

struct link_load {
    struct link_transfer transfer; /* srpt; shared: left_bytes is not kept */
    bool started;
    double left;   /* shared: bytes */
    uint32_t next; /* in a list of those that wait; RING_NONE: the last */
};

struct link {
    enum replay_scheduler scheduler;
    double bytes_per_us;
    double now_us;
    link_start_fn *start;
    void *arg;
    struct link_load
        *loads; /* heap, one per id; does not move while any is under way: see reserve */
    uint32_t ids;
    uint32_t first, last; /* those that wait for a start */
    struct link_sched sched;
    uint32_t busy; /* srpt: whose chunk is on the way; RING_NONE: nobody's */
    double busy_until;
    uint32_t active[REPLAY_DOWNLOADS]; /* shared */
    uint32_t active_count;
};
enum status link_init(struct link *l, const struct replay_options *o, link_start_fn *start,
                      void *arg) WARN_UNUSED;
void link_fini(struct link *l);
enum status link_reserve(struct link *l, uint32_t ids) WARN_UNUSED; /* errors: E_NO_MEMORY */
void link_add(struct link *l, uint32_t id, uint64_t bytes, double now_us);
void link_join(struct link *l, uint32_t id); /* one more waits for it */
/* The next transfer that ends until then, at l->now_us; RING_NONE: none does, and now is then. */
uint32_t link_step(struct link *l, double until_us);

/* ---- timed.c: a cache whose loads take time ---- */
struct timed_model {
    uint64_t bytes; /* charged, or on the way */
    uint32_t first; /* waiting invocations, in timed.waiting; RING_NONE: none */
    uint8_t state;  /* enum timed_state */
};
struct timed_wait {
    double since_us;
    uint32_t next;
};
struct timed {
    struct policy *policy;
    struct link link;
    struct waits waits;
    struct timed_model *models; /* heap, per id */
    uint32_t *victims;          /* heap, per id */
    uint64_t *reload_us;        /* heap, per id: as of the last invocation */
    uint32_t ids;
    uint64_t cap_bytes, used_bytes;
    struct timed_wait *waiting; /* heap; free ones in the list `spare` */
    uint32_t waiting_cap, spare;
};
enum status timed_init(struct timed *t, const struct replay_options *o) WARN_UNUSED;
void timed_fini(struct timed *t);
enum status timed_reserve(struct timed *t, uint32_t ids) WARN_UNUSED;
/* One invocation.  errors: E_NO_MEMORY */
enum status timed_access(struct timed *t, const struct trace_record *r) WARN_UNUSED;
void timed_finish(struct timed *t); /* lets all loads end */

/* ---- bound.c ---- */
/* PFOO-L (Berger, Beckmann and Harchol-Balter, SIGMETRICS 2018), weighted by load cost: each idle
 * interval of a model costs its bytes for as many invocations as it lasts, and earns one load; the
 * intervals that earn most per cost are taken until all the memory over all invocations is used,
 * the last in part. No policy of this much memory misses for less. Keeps 24 bytes per invocation.
 */
struct bound {
    struct interval *intervals; /* heap */
    size_t count, cap;
    struct bound_model *models; /* heap, per id */
    uint32_t ids;
};
struct interval {
    uint64_t bytes;
    uint32_t load_us;
    uint32_t tenant;
    uint64_t length; /* invocations */
};
struct bound_model {
    uint64_t bytes;
    uint64_t at; /* number of its last invocation, from 1; 0: none */
};
enum status bound_reserve(struct bound *b, uint32_t ids) WARN_UNUSED;
enum status bound_access(struct bound *b, const struct trace_record *r, uint64_t at,
                         uint64_t memory_bytes) WARN_UNUSED;
/* Sorts, and calls hit for each interval taken with the part taken; after all requests came. */
typedef void bound_hit_fn(void *arg, const struct interval *i, double part);
void bound_take(struct bound *b, uint64_t memory_bytes, uint64_t requests, bound_hit_fn *hit,
                void *arg);
void bound_fini(struct bound *b);

#endif
