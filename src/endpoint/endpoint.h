/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One invocation as named steps: known -> admit -> pin -> version -> submit -> start -> decode ->
 * run -> encode (steps.c). Knows names, the cache, the executor and the codec; knows no HTTP. Every
 * call ends in exactly one `done`, on whatever thread finished it.
 *
 * What the caller of an invocation hears: its own faults word for word; of a model that cannot be
 * loaded and of a store that does not answer only that, since the details are the operator's: they
 * stand in the log and in endpoint_describe. retry_after_s: queue full, no room, no memory,
 * draining, cancelled 1; store down 5 or what is left of its back-off; a failed load what is left
 * of its back-off.
 *
 * Counted here: M_NEGATIVE_HITS, M_REFUSED_QUEUE, M_REFUSED_DEADLINE (every E_TIMEOUT),
 * M_REFUSED_ARENA, M_REFUSED_REPLY, M_REFUSED_PREFETCHES, M_REFUSED_HTTP_MEMORY (decoded bodies and
 * replies), H_QUEUE, H_INFER. */
#ifndef ROOST_ENDPOINT_ENDPOINT_H
#define ROOST_ENDPOINT_ENDPOINT_H

#include <stdatomic.h>

#include "cache/cache.h"
#include "catalog/catalog.h"
#include "codec/codec.h"
#include "disk/disk.h"
#include "exec/exec.h"
#include "replay/advisor.h"
#include "replay/recorder.h"

struct endpoint;

struct invocation_times {
    uint64_t queue_us, fetch_us, load_us,
        infer_us; /* load: verify + bind; infer: decode + run + encode */
};

/* Owned by the caller from before endpoint_invoke until done; never moved meanwhile. */
struct invocation {
    /* set by the caller */
    char model[MODEL_NAME_MAX + 1];      /* from catalog_name */
    char version[MODEL_VERSION_MAX + 1]; /* of it that is asked for; "": the current one */
    enum codec_format in_format;
    int out_format;               /* enum codec_format, or -1: as the request */
    struct codec_options options; /* pointers live as long as the invocation; model_version NULL:
                                   * that of the model that runs */
    struct buf body;              /* freed as soon as it is decoded, at the latest at done */
    uint64_t deadline_us;         /* CLOCK_MONOTONIC */
    void (*done)(struct invocation *inv);

    /* set before done */
    enum status status;
    struct err err;
    struct buf reply; /* when status is OK; the receiver frees it */
    enum codec_format reply_format;
    char ran_version[MODEL_VERSION_MAX + 1]; /* that answered; "": none did */
    enum lookup lookup;
    uint32_t retry_after_s; /* 0: say nothing */
    struct invocation_times times;

    /* the endpoint's own; zeroed by endpoint_invoke */
    struct endpoint *endpoint;
    struct waiter waiter;
    struct exec_job job;
    struct crowd *crowd;    /* whose other invocations are submitted with it; NULL: none */
    struct pin pin;         /* value is NULL while nothing is pinned */
    atomic_int place;       /* enum place: from where a cancel can take it back */
    atomic_int holds;       /* who still touches it; done is called when the last lets go */
    atomic_int why;         /* enum status of the first endpoint_cancel */
    atomic_bool cancelled;  /* why is set */
    uint32_t at;            /* next step */
    bool admitted, started; /* it has or had a place in the queue; a worker took it */
    uint64_t started_us, queued_us, ran_us; /* invoked, ready to run, taken by a worker */
};

struct endpoint_config {
    struct catalog *catalog;     /* borrowed; outlive the endpoint */
    struct disk *disk;           /* as above; NULL: there is no disk tier */
    struct recorder *recorder;   /* as above; NULL: nothing is recorded */
    struct advisor *advisor;     /* as above; NULL: --advice off */
    uint32_t workers, queue_max; /* 1..64; admitted invocations that do not run yet */
    uint64_t arena_max;          /* bytes per worker */
    uint64_t steps_max;          /* of one run; 0: RUN_STEPS_DEFAULT */
    struct budget *http_memory;  /* charged for decoded bodies and replies */
    uint64_t reply_max;          /* bytes of one reply */
    uint32_t prefetches_max;     /* hints whose loads have not ended; at least 1 */
};

/* Makes the executor and its workers' sessions; their arenas are charged to cache.  errors:
 * E_NO_MEMORY */
enum status endpoint_new(const struct endpoint_config *c, struct cache *cache,
                         struct endpoint **out, struct err *err) WARN_UNUSED;
/* After the last done; the cache is still there. blocks: until the workers ended */
void endpoint_free(struct endpoint **e);

/* thread: any   blocks: no. done may be called before it returns. */
void endpoint_invoke(struct endpoint *e, struct invocation *inv, uint64_t now_us);
/* The caller no longer wants the answer (client gone, deadline passed, drain over): the invocation
 * ends as soon as it can, with `why` (E_CANCELLED, E_TIMEOUT, E_DRAINING); the first why counts.
 * Nothing happens when it has ended already. done is still called exactly once, perhaps before this
 * returns, on this thread; the caller keeps the invocation in memory until both have returned.
 * thread: any, once endpoint_invoke has returned, but not from within done */
void endpoint_cancel(struct endpoint *e, struct invocation *inv, enum status why);

/* POST /models and DELETE /models/<name>. done is called once, on any thread. */
struct management_call {
    char model[MODEL_NAME_MAX + 1];
    void (*done)(struct management_call *m);
    enum status status; /* OK; E_EXISTS when already resident; E_NOT_FOUND; E_NEVER_FITS; … */
    struct err err;
    uint32_t retry_after_s;
    enum hint hint; /* of a load: HINT_NONE when the caller wants the model, whoever must go */
    bool keep;      /* of a load: pin the model then (cache_keep); OK when it was resident */
    struct waiter waiter;
    struct endpoint *endpoint;
};
void endpoint_load(struct endpoint *e, struct management_call *m, uint64_t now_us);
void endpoint_unload(struct endpoint *e, struct management_call *m);
/* POST /models/<name>/unpin; nothing to do is fine.  thread: any   blocks: no   errors: E_NOT_FOUND
 */
enum status endpoint_unkeep(struct endpoint *e, const char *model, struct err *err) WARN_UNUSED;
/* POST /models/<name>/prefetch: the model will be asked for soon. OK when its load was begun, is
 * under way, or is not needed; what becomes of it is not told.  thread: any   blocks: no
 * errors: E_DRAINING; E_NOT_FOUND of a name remembered as unknown; E_QUEUE_FULL; E_NO_MEMORY */
enum status endpoint_prefetch(struct endpoint *e, const char *model, uint64_t now_us,
                              struct err *err) WARN_UNUSED;

/* JSON documents.
 *
 * endpoint_describe, of a name the node has a record of:
 *   model_name        text
 *   version           text; null: never loaded
 *   state             "absent", "loading", "resident", "draining", "failed"
 *   pinned            true: no victim (management_call.keep)
 *   reloading         true: a new version is being loaded beside it (cache/reload.h)
 *   tier              where its bytes are, the nearest: "memory", "disk", "store"
 *   bytes             charged to --memory now and used by nobody else
 *   shared_bytes, charged_bytes               see struct slot_info
 *   hits, misses, joined, loads, evictions    counts since the record began
 *   pins, waiters     invocations that use it now, that wait for its load now
 *   age_s             seconds since it was loaded; null: not resident
 *   last_used_s       seconds since an invocation asked for it; null: never
 *   evicted           {"why", "by", "ago_s"} of its last eviction; null: none. why: "room" (for
 *                     the load of the model `by`; null: no record of that one is left), "scratch"
 *                     (for a run's arena), "unload", "ttl", "transient" (served, and not kept); by
 *                     is null but for "room"
 *   last_load         {"queue_ms", "fetch_ms", "verify_ms", "bind_ms", "first_run_ms"} of the last
 *                     load; first_run_ms null: no invocation has run since; null: none
 *   error             {"status", "message", "retry_in_s"} of the last failed load since the last
 *                     good one, of a new version while the old one is resident; null: none. status
 * as in "corrupt"; retry_in_s 0: at once inputs, outputs   while resident: [{"name", "datatype",
 * "shape", "symbols"}], datatype as Open Inference V2 names it, -1 in shape where a dimension is
 * free, symbols: per dimension the name of a free one, "" for none; null: not resident
 *
 * endpoint_list, in name order:
 *   models            [{"modelName" and, of the above, "version" to "evictions", "age_s",
 *                     "last_used_s", "evicted"}]: every name the node has a record of
 *   nextPageToken     opaque text for `after`; absent on the last page
 *
 * endpoint_advice, of the cache (replay/advisor.h); costs are those of loads, from the tier below:
 *   policy            text: --policy
 *   memory_bytes      the budget; models_bytes: of it, what workers' arenas leave
 *   invocations       that were heard of since the start; lost: events that were not
 *   curve             [{"of", "memory_bytes", "hit_rate", "miss_cost_ms"}] by rising memory: what
 *                     lru would give in `of` times the budget; miss_cost_ms per invocation
 *   regret            {"ratio", "invocations", "hits", "span_s", "miss_cost_ms", "bound_cost_ms",
 *                     "ago_s"} of the last hour, looked at ago_s ago; null: not yet
 *   policies          [{"policy", "miss_cost_ms"}]: what each would have cost in that hour, its
 *                     first quarter left out; null: not yet
 *
 * errors: E_NOT_FOUND (describe; advice: off); E_BAD_INPUT (list: page token, limit beyond
 * 1..ENDPOINT_LIST_MAX); E_NO_MEMORY */
enum { ENDPOINT_LIST_MAX = 100 };
enum status endpoint_describe(struct endpoint *e, const char *model, uint64_t now_us,
                              struct buf *json, struct err *err) WARN_UNUSED;
enum status endpoint_advice(struct endpoint *e, uint64_t now_us, struct buf *json,
                            struct err *err) WARN_UNUSED;
enum status endpoint_list(struct endpoint *e, const char *after, uint32_t limit, uint64_t now_us,
                          struct buf *json, struct err *err) WARN_UNUSED;

/* {"tenants": [{"tenant", "floor_bytes", "ceiling_bytes" (null: none), "weight", "bytes",
 * "pinned_bytes", "models", "hits", "misses", "joined", "loads", "evictions"}]}: those with a rule,
 * then "*" for all others together. errors: E_NO_MEMORY */
enum status endpoint_tenants(struct endpoint *e, struct buf *json, struct err *err) WARN_UNUSED;
/* Appends the same as metrics where tenants have rules.  errors: E_NO_MEMORY */
enum status endpoint_tenant_metrics(struct endpoint *e, struct buf *out) WARN_UNUSED;
/* ,"inputs":[…],"outputs":[…] of a program, as endpoint_describe has them.  errors: those of
 * buf_add */
struct program;
enum status endpoint_ports(const struct program *p, struct buf *json) WARN_UNUSED;

/* Admits nothing any more: invocations and loads are E_DRAINING; what was admitted goes on. */
void endpoint_drain(struct endpoint *e);
bool endpoint_draining(struct endpoint *e);
/* Invocations and management calls that were begun and whose done has not returned. */
uint32_t endpoint_in_flight(struct endpoint *e);
/* Sets the gauges that are read, not counted (cache, exec, http memory, process), before a scrape.
 * blocks: /proc */
void endpoint_gauges(struct endpoint *e);

#endif
