/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Which transfer gets the next chunk of a link: the one with the fewest bytes left per waiter, so
 * that as many as possible wait as little as possible; a transfer that is under way gives way to a
 * shorter one at the next chunk. Pure: no clock, I/O or locks; its owner serializes all calls.
 *
 * Ageing: bytes left ÷ waiters is compared after adding what `ageing_bytes_per_s` would have moved
 * from time 0 until the transfer came. So one of R bytes left and one waiter is overtaken only by
 * what comes within R ÷ ageing_bytes_per_s after it, and nothing starves. Prefetches (nobody waits:
 * hints, and new versions of what is there) come after everything that somebody waits for, but one
 * chunk in LINK_PREFETCH_TURN + 1 is theirs, so that they come at all where somebody always waits.
 */
#ifndef ROOST_LOADER_LINK_SCHED_H
#define ROOST_LOADER_LINK_SCHED_H

#include "base/status.h"

enum { LINK_PREFETCH_TURN = 15 };

/* Embedded in what is transferred; the scheduler's between add and the last chunk or remove. */
struct link_transfer {
    uint64_t left_bytes; /* not handed out yet; readable */
    uint64_t since_us;   /* when it came */
    uint32_t waiters;    /* 0: a prefetch */
    size_t place;        /* in the heap, from 1; 0: not queued */
    double key;          /* orders equals of one class */
    uint64_t most_bytes; /* of its next chunk, where that is less than a chunk; 0: no such bound.
                          * Its owner's to set */
};

/* Embedded. */
struct link_sched {
    struct link_transfer **heap; /* heap; the next one at [1] */
    size_t count, cap;
    size_t prefetches; /* of count, those that nobody waits for */
    uint32_t passed;   /* chunks that they were passed over for, since their last */
    uint64_t chunk_bytes;
    double ageing_bytes_per_us;
};

/* chunk_bytes > 0.  errors: none; nothing is allocated before reserve */
void link_sched_init(struct link_sched *s, uint64_t chunk_bytes, uint64_t ageing_bytes_per_s);
void link_sched_fini(struct link_sched *s);
/* Room for so many queued transfers.  errors: E_NO_MEMORY, as before */
enum status link_sched_reserve(struct link_sched *s, size_t transfers) WARN_UNUSED;
/* Queues t, room being reserved. bytes > 0; waiters 0: a prefetch. now_us does not fall. */
void link_sched_add(struct link_sched *s, struct link_transfer *t, uint64_t bytes, uint32_t waiters,
                    uint64_t now_us);
/* More or fewer wait; a transfer that is not queued only remembers it. A prefetch that somebody
 * waits for now is one like any other. */
void link_sched_waiters(struct link_sched *s, struct link_transfer *t, uint32_t waiters);
/* Takes t off before its last chunk (cancelled, failed, or it cannot start yet); one that is not
 * queued stays so. link_sched_put_back queues it as it was, ageing included. */
void link_sched_remove(struct link_sched *s, struct link_transfer *t);
void link_sched_put_back(struct link_sched *s, struct link_transfer *t);
/* Who is next; NULL: nobody. */
struct link_transfer *link_sched_peek(const struct link_sched *s);
/* Hands out the next chunk: its transfer, and how many bytes at which place before its end. After
 * its last chunk the transfer is off the queue. NULL: none. Chunks of one transfer may be in flight
 * together: ask again before the first is through. */
struct link_transfer *link_sched_next(struct link_sched *s, uint64_t *bytes);

#endif
