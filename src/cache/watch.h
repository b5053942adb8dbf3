/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What happens to models, told to whoever learns from it: policies, estimates of what more memory
 * would bring, records of the traffic. A hit must cost next to nothing, and what its consumers make
 * of it costs microseconds; so events go through one bounded ring.
 *
 * Who holds CACHE puts: events are in the order in which things happened. They are taken by the
 * thread "cache-watch", or by whoever needs its consumers up to date (watch_hold), and given to
 * all consumers, under WATCH. An access that finds the ring full is lost and counted; what enters,
 * leaves or is forgotten never is: who puts it makes place first. So a consumer's picture of what
 * is resident is true as of the last event it was given, and its picture of the traffic nearly so.
 *
 * Models go by dense ids from 1 on, kept as long as the node's record of the name. */
#ifndef ROOST_CACHE_WATCH_H
#define ROOST_CACHE_WATCH_H

#include <stdatomic.h>

#include "base/lock.h"
#include "base/status.h"

enum watch_kind {
    WATCH_HIT,  /* an invocation found its model resident */
    WATCH_MISS, /* … has its model loaded; told once its bytes are known, so perhaps after others
                 * joined. A load that fails before that is told by nobody */
    WATCH_JOINED, /* … waits for a load that another began */
    WATCH_ENTER,  /* the model is resident */
    WATCH_LEAVE,  /* it no longer is: evicted or unloaded */
    WATCH_FORGET, /* the record is gone, the id may come back as another model */
};

struct watch_event {
    uint64_t t_us;  /* CLOCK_MONOTONIC; does not fall */
    uint64_t bytes; /* what a load of this version takes; 0: not known yet */
    uint32_t id;
    uint32_t reload_us; /* what a load costs, from the tier below; 0: not known yet */
    enum watch_kind kind;
    bool cold; /* WATCH_ENTER: behind all that is resident; see enum hint */
};

/* Calls are serialized. They must not wait, nor call the cache, which may wait for them. It lives
 * until the cache is freed. */
struct watch_consumer {
    /* Ids below `ids` may come from now on; allocates.  errors: E_NO_MEMORY: models beyond are not
     * watched until a later call succeeds */
    enum status (*reserve)(void *arg, uint32_t ids);
    void (*take)(void *arg, const struct watch_event *e);
    void *arg;
};

enum {
    WATCH_CONSUMERS_MAX = 4,
    WATCH_RING = 1 << 13, /* events */
    WATCH_BATCH = 32,     /* most events that WATCH is held for by who is not in a hurry … */
    WATCH_HURRY = 64,     /* … and that a decision waits for under CACHE */
};

/* What the watch's thread calls besides, without locks. */
struct watch_calls {
    void (*gather)(void *arg);                /* before it looks: puts what is to be put */
    void (*tick)(void *arg, uint64_t now_us); /* about once a second */
    void *arg;
};

/* Embedded. */
struct watch {
    struct lock lock;           /* LOCK_WATCH; guards what consumers know */
    struct cond wake;           /* the ring fills up, or stopping */
    struct watch_event *ring;   /* heap */
    atomic_uint_fast64_t put;   /* events ever put; written under CACHE */
    atomic_uint_fast64_t taken; /* events ever taken; written under WATCH */
    struct watch_consumer consumers[WATCH_CONSUMERS_MAX]; /* fixed before the first event */
    uint32_t n_consumers;
    uint32_t ids_max;
    atomic_uint ids; /* ids below it may be used; grows under WATCH */
    bool stopping;   /* under WATCH */
    bool started;
    pthread_t thread;
    struct watch_calls calls; /* see watch_start */
};

/* ids_max: ids that may ever be used.  errors: E_NO_MEMORY */
enum status watch_init(struct watch *w, uint32_t ids_max) WARN_UNUSED;
/* Stops the thread and gives away what is left; consumers are their owners'. All zero is fine. */
void watch_fini(struct watch *w);
/* Before the first event.  errors: E_NO_MEMORY, of its first reserve */
enum status watch_add(struct watch *w, const struct watch_consumer *k) WARN_UNUSED;
/* False: nobody listens, and no event need be put.  thread: any */
bool watch_listens(const struct watch *w);
/* Makes sure that ids below `ids` may be used, if memory allows.
 * thread: any   locks: takes WATCH   blocks: no */
void watch_reserve(struct watch *w, uint32_t ids);

/* The thread that gives events to consumers.  errors: E_INTERNAL */
enum status watch_start(struct watch *w, const struct watch_calls *calls,
                        struct err *err) WARN_UNUSED;
void watch_stop(struct watch *w); /* and waits for tick to return; not started is fine */

/* locks: needs CACHE; takes WATCH where the ring is full and e is no access */
void watch_put(struct watch *w, const struct watch_event *e);
/* Gives away all that is in the ring now, a few at a time.
 * thread: any   locks: takes WATCH   blocks: no */
void watch_catch_up(struct watch *w);
/* Holds WATCH, so that the caller may ask consumers, up to date but for what exceeds WATCH_HURRY.
 * True: nothing does.  locks: needs CACHE */
bool watch_hold(struct watch *w) ACQUIRES(w->lock);
void watch_let_go(struct watch *w) RELEASES(w->lock);

#endif
