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
 * notes. All gates are taken to collect the notes, so that what is not among those collected was
 * not over then. Those of one gate are done in its order; those of several by the time that each
 * hit read before it took its gate. The clock does not fall from one processor to the next, and a
 * gate is taken after the times of all notes before it there, so a pin that was over before another
 * began is done before it: it is as if each had held CACHE. Two at the same time at two gates are
 * done in one of their orders. Were the clock to fall all the same, two hits of different gates
 * would be done in the wrong order, and nothing else would be wrong: each note is done once,
 * whatever its time says.
 *
 * A note keeps no slot: its pin does until the pin is given back, and a slot goes for good only
 * under closed gates, by when all its notes are done. */
#ifndef ROOST_CACHE_GATE_PRIV_H
#define ROOST_CACHE_GATE_PRIV_H

#include <stdatomic.h>

#include "base/lock.h"
#include "base/status.h"

struct cache;
struct slot;

enum {
    GATES_MAX = 16, /* no more than processors */
    /* Notes of a gate: at most that many and, of all gates, no more than one hold of CACHE should
     * do, but a gate's least. */
    GATE_NOTES = 512,
    GATES_NOTES = 2048,
    GATE_NOTES_LEAST = 128,
    GATE_AGAIN = 16, /* see gate_due */
    PLACES_MAX = 1 << 16,
    GATE_STRIDE = 128, /* so that gates lie in cache lines of their own */
};

/* A hit that counts. */
struct hit {
    struct slot *slot;
    uint64_t now_us;
    uint64_t at_ns; /* by clock_now_ns */
};

/* Pins of a slot, by their beginnings and their ends at one gate; see pins.c. In twos. */
struct pin_count {
    atomic_uint taken; /* changes under the gate's lock */
    atomic_uint back;  /* changes without; odd: to be counted by the slot itself */
};

/* Its lock guards count and the notes at `notes`; the rest is CACHE's. */
struct gate {
    struct lock lock; /* LOCK_GATE */
    uint32_t count;
    uint32_t most; /* notes there is room for; never changes */
    struct hit *notes;
    struct pin_count *pins; /* heap; by place, none at 0 */
    char apart[GATE_STRIDE];
    const struct hit *next, *end; /* what was collected from here and stands in no order yet */
    struct hit *halves[2];        /* heap, in one piece */
};

/* Places of resident slots among the gates' counts, so that the counts of few lie close together.
 */
struct places {
    uint32_t *freed; /* heap; a stack of n_freed places that came back */
    uint32_t used;   /* places up to it were used */
    uint32_t n_freed;
    uint32_t max;
};

/* Embedded; guarded by CACHE unless it says otherwise. */
struct gates {
    struct gate *all;        /* heap; never changes */
    const struct hit **hits; /* heap; what was collected, in the order in which it is done */
    uint32_t n;              /* gates; never changes */
    uint32_t collected;      /* hits that are not done yet */
    bool closed;
    /* Whose notes made somebody do them last. He does them earlier than the others, so that what
     * that takes mostly stays in one processor's cache. Anybody reads it. */
    _Atomic(const struct gate *) settler;
    struct places places;
};

uint32_t gates_wanted(void); /* as many as processors, and at most GATES_MAX */
/* n: of gates, > 0.  errors: E_NO_MEMORY */
enum status gates_init(struct gates *g, uint32_t n, uint32_t slots_max) WARN_UNUSED;
void gates_fini(struct gates *g); /* all zero is fine */
/* Is it, with so many notes at g, time that somebody there did what is noted, unless somebody else
 * has CACHE? Who did so last is to at a quarter of what there is room for, anybody at three; and
 * again with each GATE_AGAIN more. Only who has filled all the room waits for CACHE. */
bool gate_due(const struct gates *all, const struct gate *g, uint32_t count);
struct gate *gate_of(const struct gates *g); /* the calling thread's */
void gate_take(uint32_t ticket); /* that it has from now on, > 0; for tests: all have theirs */

/* ---- pins.c: how many pin a slot ---- */
enum status pins_init(struct gates *g, uint32_t slots_max) WARN_UNUSED; /* pins_fini either way */
void pins_fini(struct gates *g);
void pins_begin(struct cache *c, struct slot *s); /* s becomes RESIDENT.  locks: needs CACHE */
void pins_end(struct cache *c, struct slot *s);   /* nobody pins it any more.  locks: needs CACHE */
/* Under g's lock, or with all gates closed. */
void pins_add(struct gate *g, struct slot *s, uint32_t n);
/* Without locks, g being the caller's. True: it was the last of a slot that drains, which is the
 * caller's to unload; else the slot may be gone. */
bool pins_drop(struct gate *g, struct slot *s) WARN_UNUSED;
/* From now on s, which can be pinned no more, knows its last pin. False: nobody pins it.
 * locks: needs CACHE, and that s was resident up to now with all gates closed */
bool pins_gather(struct cache *c, struct slot *s) WARN_UNUSED;
/* Exact where gates are closed or nobody is at them; else what it may have been. 0 with all gates
 * closed: nobody pins s until they open.  locks: needs CACHE */
uint32_t pins_count(const struct cache *c, const struct slot *s);
/* The steps of pins_drop, the second where the first says false, and of pins_gather, of which the
 * second is taken for each gate and gives a part of the sum. Apart, so that one thread can take
 * them in any order. */
bool pins_drop_here(struct gate *g, struct slot *s) WARN_UNUSED;
bool pins_drop_gathered(struct slot *s) WARN_UNUSED;
void pins_gather_begin(struct slot *s);
uint32_t pins_gather_at(struct gate *g, struct slot *s) WARN_UNUSED;
bool pins_gather_end(struct slot *s, uint32_t gathered) WARN_UNUSED;

#endif
