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
 * notes. Each note has a number, given while its gate is held; all gates are taken to collect the
 * notes, so that the numbers collected are all numbers up to some number, and the notes are done in
 * their order. That is the order in which the pins happened: it is as if each had held CACHE.
 *
 * A note keeps no slot: its pin does until the pin is given back, and a slot goes for good only
 * under closed gates, by when all its notes are done. */
#ifndef ROOST_CACHE_GATE_PRIV_H
#define ROOST_CACHE_GATE_PRIV_H

#include <stdatomic.h>

#include "base/lock.h"
#include "base/status.h"

struct slot;

enum {
    GATES_MAX = 16, /* no more than processors */
    GATE_NOTES = 128,
    GATE_STRIDE = 128, /* so that gates and the number lie in cache lines of their own */
};

/* A hit that counts. */
struct hit {
    struct slot *slot;
    uint64_t now_us;
    uint64_t number; /* of all hits that count, from 0 on */
};

/* Its lock guards count and the notes at `notes`; those of the other half are CACHE's. */
struct gate {
    struct lock lock; /* LOCK_GATE */
    uint32_t count;
    struct hit *notes;
    char apart[GATE_STRIDE];
    struct hit halves[2][GATE_NOTES];
};

/* Embedded; guarded by CACHE unless it says otherwise. */
struct gates {
    struct gate *all;        /* heap; never changes */
    const struct hit **hits; /* heap; what was collected, in the order of the numbers */
    uint32_t n;              /* gates; never changes */
    uint32_t collected;      /* hits that are not done yet */
    uint64_t done;           /* hits ever collected: the number of the next */
    bool closed;
    char before[GATE_STRIDE];
    atomic_uint_fast64_t number; /* of the next hit; grows while a gate is held */
    char behind[GATE_STRIDE];
};

enum status gates_init(struct gates *g) WARN_UNUSED; /* errors: E_NO_MEMORY */
void gates_fini(struct gates *g);                    /* all zero is fine */

#endif
