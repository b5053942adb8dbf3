/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The way of a hit. A pin of what is resident changes nothing that other pins look at, so it does
 * not take CACHE: it goes through one of some gates, each a lock of its own that hardly anybody
 * else wants. Whoever changes what such a pin looks at (the table, a slot's state and value), or
 * must know that nobody pins, closes all gates besides taking CACHE. So a hit happens before or
 * after each such change, never within.
 *
 * What a hit changes besides (recency, counts, what watchers hear) is noted at its gate, and done
 * under CACHE before anybody looks: by gates_settle and gates_close, and by who fills a gate's
 * notes. All gates are taken to collect the notes, so that a note not among those collected is of a
 * later pin than all that are. Those of one gate are done in its order; those of several by the
 * time that each was given while its gate was held. The clock does not fall from one processor to
 * the next, so a pin that was over before another began is done before it: it is as if each had
 * held CACHE. Two at the same time at two gates are done in one of their orders. Were the clock to
 * fall all the same, two hits of different gates would be done in the wrong order, and nothing else
 * would be wrong: each note is done once, whatever its time says.
 *
 * A note keeps no slot: its pin does until the pin is given back, and a slot goes for good only
 * under closed gates, by when all its notes are done. */
#ifndef ROOST_CACHE_GATE_PRIV_H
#define ROOST_CACHE_GATE_PRIV_H

#include "base/lock.h"
#include "base/status.h"

struct slot;

enum {
    GATES_MAX = 16, /* no more than processors */
    GATE_NOTES = 256,
    GATE_MANY = 128, /* notes with which somebody sees to them, if nobody else has CACHE … */
    GATE_AGAIN = 16, /* … and with each so many more: only who has filled them all waits for it */
    GATE_STRIDE = 128, /* so that gates lie in cache lines of their own */
};

/* A hit that counts. */
struct hit {
    struct slot *slot;
    uint64_t now_us;
    uint64_t at_ns; /* by clock_now_ns */
};

/* Its lock guards count and the notes at `notes`; the rest is CACHE's. */
struct gate {
    struct lock lock; /* LOCK_GATE */
    uint32_t count;
    struct hit *notes;
    char apart[GATE_STRIDE];
    const struct hit *next, *end; /* what was collected from here and stands in no order yet */
    struct hit halves[2][GATE_NOTES];
};

/* Embedded; guarded by CACHE unless it says otherwise. */
struct gates {
    struct gate *all;        /* heap; never changes */
    const struct hit **hits; /* heap; what was collected, in the order in which it is done */
    uint32_t n;              /* gates; never changes */
    uint32_t collected;      /* hits that are not done yet */
    bool closed;
};

uint32_t gates_wanted(void); /* as many as processors, and at most GATES_MAX */
/* n: of gates, > 0.  errors: E_NO_MEMORY */
enum status gates_init(struct gates *g, uint32_t n) WARN_UNUSED;
void gates_fini(struct gates *g); /* all zero is fine */

#endif
