/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A source of fake models for tests of the cache. A name says what happens: `a-100` loads as 100
 * bytes, `a-100+x50+y60` as 100 and the shares x of 50 bytes and y of 60; `missing…` is unknown,
 * `corrupt…` is corrupt, `store…` cannot be read. The source keeps its own account of the bytes
 * that are held, and asserts it against the limit at every step. */
#ifndef ROOST_TESTS_FAKE_SOURCE_H
#define ROOST_TESTS_FAKE_SOURCE_H

#include <stdatomic.h>

#include "cache/reload.h"

enum fake_mode {
    FAKE_INLINE,  /* loads and unloads happen inside load() and unload() */
    FAKE_MANUAL,  /* they queue up; the test takes each step itself */
    FAKE_THREADS, /* loader threads and one that unloads */
};

enum { FAKE_QUEUE = 4096, FAKE_THREADS_MAX = 8 };

/* A queued call. */
struct fake_call {
    struct slot *slot;
    void *value;                   /* of an unload */
    char name[MODEL_NAME_MAX + 1]; /* of a load */
};

/* A share that was filled. */
struct fake_share {
    uint64_t bytes;
    char id; /* 0 once it is freed */
};

enum { FAKE_SHARES_MAX = 8 }; /* of one model */

/* A loaded fake model. */
struct fake_value {
    uint64_t bytes;
    uint32_t n_shares;
    const struct fake_share *shares[FAKE_SHARES_MAX];
    char name[MODEL_NAME_MAX + 1];
};

struct fake_queue {
    struct fake_call calls[FAKE_QUEUE];
    uint32_t first, count;
};

struct fake {
    enum fake_mode mode;
    struct cache *cache;
    uint64_t limit_bytes;
    uint64_t also_needed; /* given to every reservation */
    struct lock lock;     /* LOCK_REAPER; guards the queues and stopping */
    struct cond changed;
    struct fake_queue loads, unloads;
    bool stopping;
    pthread_t threads[FAKE_THREADS_MAX + 1];
    uint32_t thread_count;
    atomic_uint_fast64_t now_us;     /* the test's clock */
    atomic_uint_fast64_t held_bytes; /* of values alive, by the source's own account */
    atomic_uint_fast64_t load_count, unload_count;
    atomic_uint_fast64_t shared_loads; /* of models with shares */
    bool faults; /* every seventh of those fails before it filled anything, every eleventh after */
    void (*unloaded)(struct fake *f, const struct fake_value *v); /* NULL; before each free */
    void *arg;                                                    /* the test's own */
    int64_t live_before; /* blocks of base/alloc.h before fake_new; fake_free asserts the same */
};

struct fake *fake_new(enum fake_mode mode, uint64_t limit_bytes, uint32_t slots_max);
/* The same with other settings; the back-off is the fake's. */
struct fake *fake_new_with(enum fake_mode mode, const struct cache_config *c);
/* The same, with rules for tenants. */
struct fake *fake_new_ruled(enum fake_mode mode, uint64_t limit_bytes, uint32_t slots_max,
                            const struct tenant_rules *rules);
/* Also frees the cache, which must be idle; asserts that nothing is held any more. */
void fake_free(struct fake *f);
void fake_start(struct fake *f, uint32_t loaders); /* FAKE_THREADS */

/* FAKE_MANUAL: the next queued call; waits until there is one. */
struct fake_call fake_next_load(struct fake *f);
struct fake_call fake_next_unload(struct fake *f);
uint32_t fake_loads_queued(struct fake *f);
uint32_t fake_unloads_queued(struct fake *f);
enum status fake_reserve(struct fake *f, const struct fake_call *call, struct err *err);
void fake_finish_load(struct fake *f, const struct fake_call *call); /* after fake_reserve */
/* The steps of a load with shares, after its cache_load_reserve: makes what is absent and shares
 * it; or gives up all and frees what died; or ends well. */
void fake_fill(struct fake *f, const struct fake_call *call, struct share_want *wants, uint32_t n);
void fake_let_go(struct fake *f, const struct fake_call *call);
void fake_finish_shared(struct fake *f, const struct fake_call *call,
                        const struct share_want *wants, uint32_t n);
void fake_fail_load(struct fake *f, const struct fake_call *call, enum status code);
/* Reserve, then finish or fail, as the name says. */
void fake_run_load(struct fake *f, const struct fake_call *call);
void fake_run_unload(struct fake *f, const struct fake_call *call);
void fake_load_next(struct fake *f);   /* the next load, whole */
void fake_unload_next(struct fake *f); /* the next unload, whole */

/* Who calls cache_pin. */
struct client {
    struct waiter waiter;
    struct pin pin;
    enum pin_result result;
    atomic_int answers; /* calls of done */
    enum status status; /* of done, or of a refused pin */
    struct err err;
};
/* Pins as an invocation, at the fake's clock. */
enum pin_result client_pin(struct client *k, struct fake *f, const char *name);
/* Pins without counting, as POST /models does. */
enum pin_result client_load(struct client *k, struct fake *f, const char *name);
/* The same for a hint. */
enum pin_result client_hint(struct client *k, struct fake *f, const char *name, enum hint hint);
/* Reloads, as cache_reload does; k has its end. */
bool client_reload(struct client *k, struct fake *f, const char *name,
                   const struct reload_cause *why);
void client_unpin(struct client *k, struct fake *f);
/* Pins, expects the value to be there or to come at once, unpins. */
enum lookup client_touch(struct fake *f, const char *name);

uint64_t fake_used(struct fake *f, enum budget_class class);  /* bytes by the cache's ledger */
struct slot_info fake_info(struct fake *f, const char *name); /* state ABSENT, no name: no record */
uint64_t fake_bytes_of(const char *name);
/* The shares in a model's name; returns how many. */
uint32_t fake_wants(const char *name, struct share_want *wants);

#endif
