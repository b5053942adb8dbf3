/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What several loads have in common and what is therefore held once: for the loader, blobs. A share
 * is named by 32 bytes that mean nothing to the cache, and charged once, however many slots hold
 * it. It is there as long as a slot that is LOADING, RESIDENT, or DRAINING and still pinned, holds
 * it.
 *
 *     FILLING -> FILLED -> dead       the load that found it absent fills it, once
 *     FILLING -> FAILED               ... or ends before: whoever waited for it starts over
 *
 * A load, for the source:
 *     cache_load_reserve        holds what is there, counts what is not: wants[i].mine says which
 *     fill what is mine, set wants[i].value; cache_load_filled
 *     cache_load_await          until the others are filled; wants[i].value is set
 *     cache_load_done
 * A load fills before it waits, so no two wait for each other. One that fails after its reserve was
 * called, or finds a share lost, calls cache_load_let_go, frees all that it made and, through
 * cache_dead, the shares that died with it; then cache_load_failed, or cache_load_freed and from
 * the start. A value is freed when its share is dead: for a slot that drains, in unload, through
 * cache_dead too. */
#ifndef ROOST_CACHE_SHARE_H
#define ROOST_CACHE_SHARE_H

#include "base/status.h"

struct cache;
struct slot;
struct share; /* heap, owned by the cache */

enum { SHARE_KEY_BYTES = 32 };

/* One of the things a load needs. */
struct share_want {
    uint8_t key[SHARE_KEY_BYTES];
    uint64_t bytes; /* that it takes: the same whoever wants it */
    bool mine;      /* set by cache_load_reserve: absent, this load fills it */
    void *value;    /* the source's; set by it where mine, else by cache_load_await */
};

/* All that a load needs. Borrowed by cache_load_reserve; wants are filled. */
struct load_need {
    uint64_t bytes;           /* what only this load holds */
    uint64_t also_needed;     /* that one run takes besides: decides E_NEVER_FITS only */
    struct share_want *wants; /* n_wants of them; NULL: nothing is shared */
    uint32_t n_wants;
};

/* All that was mine is in place, in the wants of the reserve: others may use it from now on.
 * thread: loader   locks: takes CACHE   blocks: no */
void cache_load_filled(struct cache *c, struct slot *slot, const struct share_want *wants);

enum share_wait {
    SHARES_READY,
    SHARES_LOST,     /* a load that was to fill one ended badly: let go, and start over */
    SHARES_CANCELLED /* this load was cancelled */
};
/* Waits until all shares are filled.  thread: loader   blocks: for other loads' fetches */
enum share_wait cache_load_await(struct cache *c, struct slot *slot,
                                 struct share_want *wants) WARN_UNUSED;
/* Gives up what a failing load holds; what died with it waits for cache_dead. Nothing to do is
 * fine.  thread: loader   locks: takes CACHE   blocks: no */
void cache_load_let_go(struct cache *c, struct slot *slot);
/* All that the load made and what died with it is free: it may reserve again. */
void cache_load_freed(struct cache *c, struct slot *slot);

/* The values that died with a slot, one by one: *at is NULL for the first, and NULL again behind
 * the last, when this returns NULL. Between unload and cache_drained, or cache_load_let_go and
 * cache_load_failed or cache_load_freed; on one thread. */
void *cache_dead(const struct slot *slot, const struct share **at);

struct share_usage {
    uint64_t count;       /* shares that two slots or more hold */
    uint64_t bytes;       /* of them, each counted once */
    uint64_t saved_bytes; /* what they would take besides if each slot had its own */
    uint64_t waits;       /* loads that wait for what others fill */
};
void cache_share_usage(struct cache *c, struct share_usage *out);

#endif
