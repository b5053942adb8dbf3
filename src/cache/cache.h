/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The memory-managed cache: name -> slot, with pins, single flight, exact accounting and LRU
 * eviction. It knows no formats and does no I/O: a `source` (the loader; in tests a fake) loads and
 * frees values of declared size.
 *
 * States:  ABSENT -> LOADING -> RESIDENT -> DRAINING -> ABSENT
 *                    LOADING -> FAILED -> LOADING (after its back-off)
 *                    LOADING -> ABSENT (cancelled, given up, no room, or the name is unknown)
 *                    LOADING -> DRAINING (cancelled, and the value came all the same)
 * A slot whose model is known to exist is kept (ABSENT) as its record; a name that proved unknown
 * leaves no slot. A pin while DRAINING, or LOADING and cancelled, makes a fresh slot that inherits
 * the record; the old one goes when its bytes are free. A new version is loaded beside the old one
 * and takes its place when it is there (cache/reload.h).
 *
 * Recency is stamped when an invocation pins (hit or joined), in the order of the pins; finishing a
 * load does not touch (--policy lru). A load that no invocation asked for enters as the newest and
 * is not stamped; one for a hint evicts nobody, and may enter as the oldest (enum hint). Victims
 * are the oldest unpinned resident slots, until free plus already draining bytes suffice; where
 * tenants have rules, of the tenant whose turn it is (cache/tenant.h).
 *
 * Room is given first come, first served, to loads and to workers' scratch alike. A request is
 * decided at once: free bytes, bytes on their way back and victims cover it besides all that was
 * promised before, or it is refused and nobody is evicted. It is granted whole and in its turn, so
 * two loads never hold half of what the other needs, and whoever waits, waits only for the source
 * to free what nobody pins. A decision of more victims than one hold of the lock should evict takes
 * many holds, in which pins go on: it first counts whether enough may go, and evicts nobody if not.
 * Should what was counted be pinned or kept meanwhile and nothing else suffice, it is refused with
 * some gone. The source must therefore unload on a thread that never reserves.
 *
 * What several loads have in common is held and charged once (cache/share.h). A victim counts for
 * what would really be free: its own bytes, and those of shares that nobody else holds.
 *
 * What a hit changes besides its pin is written down at once and done by who next changes or looks
 * at the cache (gate_priv.h); nobody can tell, but for the metric of hits, which cache_counts
 * brings up to date.
 *
 * No callback, free or log happens under the lock. The cache counts lookups, evictions, loads,
 * unloads and, per request, what is refused for memory (E_NO_ROOM, E_NEVER_FITS). */
#ifndef ROOST_CACHE_CACHE_H
#define ROOST_CACHE_CACHE_H

#include "base/lock.h"
#include "cache/share.h"
#include "cache/tenant.h"
#include "mem/budget.h"

/* Bytes without the NUL: of "tenant/model", with "@version" where a slot is of one version. */
enum { MODEL_NAME_MAX = 276, MODEL_VERSION_MAX = 63 };

enum slot_state { SLOT_ABSENT, SLOT_LOADING, SLOT_RESIDENT, SLOT_DRAINING, SLOT_FAILED };
const char *slot_state_text(enum slot_state s); /* "absent", "loading", "resident", … */

struct cache;
struct slot; /* heap, owned by the cache */

/* How a lookup ended; only invocations count. */
enum lookup { LOOKUP_NONE, LOOKUP_HIT, LOOKUP_MISS, LOOKUP_JOINED };

/* Where a cold start spent its time; filled by the source, and the last by cache_unpin_ran. */
struct load_times {
    uint32_t queue_us, fetch_us, verify_us, bind_us;
    uint32_t first_run_us; /* of the first invocation that ran after the load; 0: none did yet */
};
/* From the beginning to the end of a load. */
static inline uint64_t load_whole_us(const struct load_times *t)
{
    return (uint64_t)t->queue_us + t->fetch_us + t->verify_us + t->bind_us;
}
/* A time as they hold it: UINT32_MAX is that or more, 71 minutes. */
static inline uint32_t load_time(uint64_t us)
{
    return (uint32_t)MIN(us, UINT32_MAX);
}

/* Why a model last left the memory. */
enum evict_why {
    EVICT_NONE,      /* it never did */
    EVICT_ROOM,      /* another model's load needed its bytes */
    EVICT_SCRATCH,   /* a run's arena did */
    EVICT_UNLOAD,    /* DELETE, or its name stands for other content since */
    EVICT_TTL,       /* nobody used it for its time to live */
    EVICT_TRANSIENT, /* it was served, and worth less than what it would have pushed out */
};
const char *evict_why_text(enum evict_why w); /* "none", "room", "scratch", "unload", … */

/* What a load is for, where nobody is kept waiting by it. Such a load evicts nobody: it takes free
 * bytes, or fails with E_NO_ROOM. Once anybody else joins it, it is a load like any other. */
enum hint {
    HINT_NONE,
    HINT_SOON, /* will be asked for soon: enters as the newest */
    HINT_COLD, /* enters as the oldest, behind all that is there: a list that is loaded hottest
                * first comes to stand in its own order, and behind what is asked for meanwhile */
};

/* The right to use a resident value; while it is held the slot is not evicted. */
struct pin {
    struct slot *slot;
    void *value; /* the source's; borrowed until cache_unpin */
};

/* Embedded in who waits for a load. Fields are the cache's between cache_pin and done. */
struct waiter {
    struct waiter *next, *prev;
    struct slot *slot;
    /* Called exactly once, on a loader thread, without locks, when the load ended: pin is set on
     * OK. After it the waiter belongs to its owner again. */
    void (*done)(struct waiter *w, enum status s, const struct pin *pin, const struct err *err);
    /* NULL, or called instead of done, once for all waiters of the load that have the same one: a
     * list through next, in the order in which they came, each with a pin of its own. */
    void (*done_all)(struct waiter *list, enum status s, const struct pin *pin,
                     const struct err *err);
    enum hint hint;          /* set by who does not count: what a load is for */
    bool counts;             /* an invocation: counts and stamps recency; false for POST /models */
    enum lookup lookup;      /* set by cache_pin */
    struct load_times times; /* set before done on OK */
    uint32_t retry_after_s;  /* set when a failure is to be retried later */
};

/* What loads and frees. Both calls return at once and run without locks held; the work happens on
 * the source's own threads. */
struct cache_source {
    /* Start loading `name` into slot. Ends with exactly one of cache_load_done / cache_load_failed.
     */
    void (*load)(void *self, struct slot *slot, const char *name);
    /* Free value, and what cache_dead gives; then call cache_drained(slot). */
    void (*unload)(void *self, struct slot *slot, void *value);
    void *self;
};

struct policy_ops;

struct cache_config {
    uint64_t limit_bytes;            /* --memory */
    const struct policy_ops *policy; /* NULL: lru */
    uint64_t transient_bytes; /* most of models that are served and not kept, of limit_bytes */
    uint32_t thrash_ratio; /* of bytes loaded again to bytes loaded, in millionths, from which cold
                            * invocations are refused with E_THRASH; 0: never */
    uint64_t backoff_min_us;     /* first back-off of a failed load, doubling … */
    uint64_t backoff_max_us;     /* … up to this */
    bool reload_evicts;          /* a new version that does not fit beside the old one evicts it */
    uint32_t slots_max;          /* records kept; once a new one's model proved to exist, the oldest
                                  * ABSENT or FAILED one goes, else the oldest unpinned resident one */
    struct tenant_rules tenants; /* which tenants_check found good */
};

/* errors: E_NO_MEMORY */
enum status cache_new(const struct cache_config *c, const struct cache_source *source,
                      struct cache **out) WARN_UNUSED;
/* Tells k of all that happens from now on. Before the first pin.  errors: E_NO_MEMORY */
struct watch_consumer;
enum status cache_watch(struct cache *c, const struct watch_consumer *k) WARN_UNUSED;
/* A model that is not resident, will most likely be asked for soon and fits into free bytes.
 * thread: cache-watch   locks: none */
typedef void cache_foreseen_fn(void *arg, const char *name, uint64_t now_us);
/* Starts the thread that tells watchers, and foreseen (NULL: nobody) what the policy foresees;
 * where there are no watchers, nothing.  errors: E_INTERNAL */
enum status cache_start(struct cache *c, cache_foreseen_fn *foreseen, void *arg,
                        struct err *err) WARN_UNUSED;
/* And waits until foreseen returned; it is not called any more. Not started is fine. */
void cache_stop(struct cache *c);
/* Nothing may be pinned, loading or waiting any more. Unloads what is resident through the source
 * and waits for it. */
void cache_free(struct cache **c);

enum pin_result {
    PIN_READY,   /* *pin is set */
    PIN_WAITING, /* w->done will be called */
    PIN_FAILED,  /* *err says why and w->retry_after_s when to come back: a remembered failure,
                  * E_NO_MEMORY, E_NO_ROOM when every record is in use, or E_THRASH */
};
/* thread: any   locks: takes GATE or CACHE   blocks: no   name: proven by the caller
 * The caller sets w->done or w->done_all, w->counts and w->hint; w->lookup says how it was found,
 * counted or not. done may be called before cache_pin returns. */
enum pin_result cache_pin(struct cache *c, const char *name, uint64_t now_us, struct waiter *w,
                          struct pin *pin, struct err *err) WARN_UNUSED;
/* The same where what is resident under the name is that version: *pin is set. False, and nothing
 * happened, where it is not. */
bool cache_pin_version_of(struct cache *c, const char *name, const char *version, uint64_t now_us,
                          struct waiter *w, struct pin *pin) WARN_UNUSED;
/* Pins a model that is resident now, to look at it: not counted, recency not stamped. False, *pin
 * untouched, when it is not.  thread: any   locks: takes GATE   blocks: no */
bool cache_pin_resident(struct cache *c, const char *name, struct pin *pin) WARN_UNUSED;
/* What loading what is pinned takes: bytes, of what it shares with others those that its first load
 * brought, and the time from the tier below as measured so far, queues left out. */
struct pin_cost {
    uint64_t bytes;
    uint32_t reload_us;
};
struct pin_cost cache_pin_cost(const struct pin *pin); /* thread: any   blocks: no */
/* The version of what is pinned, as given to cache_load_done; lives until cache_unpin. */
const char *cache_pin_version(const struct pin *pin);
/* thread: any   blocks: no   locks: takes CACHE where a draining slot has no other pin */
void cache_unpin(struct cache *c, const struct pin *pin);
/* The same, of an invocation that ran for so long: the first after a load belongs to it, and takes
 * CACHE for that. */
void cache_unpin_ran(struct cache *c, const struct pin *pin, uint64_t ran_us);
/* Withdraws a waiting waiter: true when done will not be called. The load goes on until the source
 * looks (cache_load_look). */
bool cache_cancel_wait(struct cache *c, struct waiter *w) WARN_UNUSED;

/* DELETE: drains the resident slot (later pins miss into a new slot) or cancels the load (its
 * waiters get E_CANCELLED when the source ends it); what drains already is only waited for. done is
 * called once, without locks, when the bytes are back; at once and on this thread where nothing is
 * held. New versions on their way are cancelled too, and not waited for.  errors (done is not
 * called): E_NOT_FOUND when nothing is resident, loading or draining under the name; E_NO_MEMORY */
typedef void cache_drained_fn(void *arg);
enum status cache_unload(struct cache *c, const char *name, cache_drained_fn *done, void *arg,
                         struct err *err) WARN_UNUSED;

/* ---- for the source's threads ---- */

/* Holds what a load shares, reserves bytes for what it brings, evicting victims if it must, and
 * waits until they are free.
 * blocks: until draining bytes are back (never on a pin)
 * errors: E_NEVER_FITS (the budget, or its tenant's ceiling; evicts nobody); E_NO_ROOM (what could
 *         go is pinned or kept, or is others' floor, or the load is a hint and no bytes are free or
 *         its tenant has its ceiling; evicts nobody); E_THRASH (see struct cache_config; only of a
 *         model never loaded before; evicts nobody); E_CANCELLED (the load was cancelled);
 * E_NO_MEMORY. Once a load, or once more after each cache_load_freed */
enum status cache_load_reserve(struct cache *c, struct slot *slot, const struct load_need *need,
                               struct err *err) WARN_UNUSED;
/* For how many a load goes on, now; 0: only for hints. Loaders look between chunks.
 * CACHE_LOAD_CANCELLED: for nobody, it is to end. give_up says that it may end as well where nobody
 * waits any more; a hint's load, and one that fills what another load waits for, go on all the
 * same. That is decided here, under the lock: a pin that came before keeps the load, one that comes
 * after loads anew.  thread: loader   locks: takes CACHE   blocks: no */
enum { CACHE_LOAD_CANCELLED = INT32_MAX };
uint32_t cache_load_look(struct cache *c, struct slot *slot, bool give_up);
/* What a load of the model took before; 0: nobody knows.  locks: takes CACHE */
uint64_t cache_load_bytes(struct cache *c, const struct slot *slot);
static inline bool cache_load_cancelled(struct cache *c, struct slot *slot)
{
    return cache_load_look(c, slot, false) == CACHE_LOAD_CANCELLED;
}
/* Before cache_load_done: what finds the model in the tier below again, were it to look; 0:
 * nothing. It means nothing to the cache, which keeps it and shows it. */
void cache_load_origin(struct cache *c, struct slot *slot, uint64_t origin);
/* The load ended well: bytes as reserved, all shares filled. Waiters are pinned and called on this
 * thread. When it was cancelled meanwhile the value is unloaded again. version: text, copied. */
void cache_load_done(struct cache *c, struct slot *slot, void *value, const char *version,
                     const struct load_times *t, uint64_t now_us);
/* The load ended badly, and let go where it had called cache_load_reserve: gives the reservation
 * back, remembers the failure with a back-off that doubles, answers the waiters. E_NEVER_FITS is
 * remembered for the shortest back-off each time; E_NOT_FOUND, E_CANCELLED, E_DRAINING, E_NO_ROOM
 * and E_NO_MEMORY are not the model's fault and the next pin loads again. */
void cache_load_failed(struct cache *c, struct slot *slot, const struct err *err, uint64_t now_us);
/* The source freed the value of a draining slot. */
void cache_drained(struct cache *c, struct slot *slot);

/* ---- workers' arenas (struct arena_charge's functions; arg is the cache) ---- */
/* May evict, and waits for draining bytes as a load does.  errors: E_NO_ROOM; E_NEVER_FITS beyond
 * the whole budget */
enum status cache_scratch_take(void *cache, uint64_t bytes, struct err *err);
void cache_scratch_give(void *cache, uint64_t bytes);

/* ---- looking ---- */
struct slot_info {
    char name[MODEL_NAME_MAX + 1];
    char version[MODEL_VERSION_MAX + 1];
    enum slot_state state;
    uint64_t bytes;        /* charged now that nobody else uses: what goes with it */
    uint64_t shared_bytes; /* charged, and used by others too */
    uint64_t part_bytes;   /* its part of what is charged: bytes, and what share_priv.h says of the
                            * rest; the parts of all slots add up to the ledger without scratch */
    /* since the record began; loads that ended well, evictions for room and by DELETE */
    uint64_t hits, misses, joined, loads, evictions;
    uint32_t pins, waiters;
    bool kept;             /* see cache_keep */
    bool reloading;        /* a new version is being loaded beside it */
    uint64_t last_used_us; /* CLOCK_MONOTONIC; 0: never */
    uint64_t loaded_us;    /* CLOCK_MONOTONIC, when the last load ended well; 0: never */
    struct load_times last_load;
    uint64_t origin;     /* of the last good load; see cache_load_origin */
    uint64_t evicted_us; /* CLOCK_MONOTONIC; 0: never */
    enum evict_why evicted_why;
    char evicted_by[MODEL_NAME_MAX + 1]; /* EVICT_ROOM: for whose load; "" where the node has no
                                          * record of that model any more */
    struct err last_error;               /* since the last good load; code OK: none */
    uint64_t retry_at_us; /* FAILED: when the next load may start; RESIDENT: when the new version
                           * that could not be loaded is tried again; 0 otherwise */
};
/* False when the node has no record of the name. */
bool cache_info(struct cache *c, const char *name, struct slot_info *out);
/* Up to max records whose name sorts after `after` ("" for the first), in name order. What is far
 * apart in it, and what shares much, was looked at one after the other, not in one moment. */
size_t cache_list(struct cache *c, const char *after, struct slot_info *out, size_t max);
const char *cache_policy_name(const struct cache *c); /* that it was made with */
void cache_usage(struct cache *c, struct budget_usage *out);
/* Bytes loaded within a minute of their eviction ÷ all bytes loaded, over the last minute, in
 * millionths; 0 while those are less than a quarter of the budget. */
uint32_t cache_thrash_ratio(struct cache *c);
/* The metrics count all hits until now. Slots by state, those included that a fresh slot replaced
 * and that still drain. */
void cache_counts(struct cache *c, uint64_t by_state[5]);

#endif
