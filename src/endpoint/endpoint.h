/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One invocation as named steps: resolve -> admit -> pin -> submit -> decode, run, encode ->
 * finish. Knows names, the cache, the executor and the codec; knows no HTTP. Every call ends in
 * exactly one `done`, on whatever thread finished it. */
#ifndef ROOST_ENDPOINT_ENDPOINT_H
#define ROOST_ENDPOINT_ENDPOINT_H

#include <stdatomic.h>

#include "cache/cache.h"
#include "catalog/catalog.h"
#include "codec/codec.h"
#include "exec/exec.h"

struct endpoint;

struct invocation_times {
    uint64_t queue_us, fetch_us, load_us, infer_us; /* infer: decode + run + encode */
};

/* Owned by the caller from before endpoint_invoke until done; never moved meanwhile. */
struct invocation {
    /* set by the caller */
    char model[MODEL_NAME_MAX + 1]; /* from catalog_name */
    enum codec_format in_format;
    int out_format;               /* enum codec_format, or -1: as the request */
    struct codec_options options; /* pointers live as long as the invocation */
    struct buf body;              /* freed as soon as it is decoded, at the latest at done */
    uint64_t deadline_us;         /* CLOCK_MONOTONIC */
    void (*done)(struct invocation *inv);

    /* set before done */
    enum status status;
    struct err err;
    struct buf reply; /* when status is OK; the receiver frees it */
    enum codec_format reply_format;
    enum lookup lookup;
    uint32_t retry_after_s; /* 0: say nothing */
    struct invocation_times times;

    /* the endpoint's own */
    struct endpoint *endpoint;
    struct waiter waiter;
    struct exec_job job;
    struct pin pin;
    atomic_int step;
    atomic_bool cancelled;
    uint64_t started_us, queued_us;
};

struct endpoint_config {
    struct catalog *catalog; /* borrowed; outlive the endpoint */
    uint32_t workers, queue_max;
    uint64_t arena_max;         /* bytes per worker */
    struct budget *http_memory; /* charged for decoded bodies and replies */
    uint64_t reply_max;         /* bytes of one reply */
};

/* Makes the executor and its workers' sessions; their arenas are charged to cache.  errors:
 * E_NO_MEMORY */
enum status endpoint_new(const struct endpoint_config *c, struct cache *cache,
                         struct endpoint **out, struct err *err) WARN_UNUSED;
void endpoint_free(struct endpoint **e);

/* thread: any   blocks: no. done may be called before it returns. */
void endpoint_invoke(struct endpoint *e, struct invocation *inv, uint64_t now_us);
/* The caller no longer wants the answer (client gone, deadline passed): the invocation ends as soon
 * as it can, with `why` (E_CANCELLED or E_TIMEOUT); done is still called exactly once.  thread: any
 * but from within done */
void endpoint_cancel(struct endpoint *e, struct invocation *inv, enum status why);

/* POST /models and DELETE /models/<name>. done is called once, on any thread. */
struct management_call {
    char model[MODEL_NAME_MAX + 1];
    void (*done)(struct management_call *m);
    enum status status; /* OK; E_EXISTS when already resident; E_NOT_FOUND; E_NEVER_FITS; … */
    struct err err;
    uint32_t retry_after_s;
    struct waiter waiter;
    struct endpoint *endpoint;
};
void endpoint_load(struct endpoint *e, struct management_call *m, uint64_t now_us);
void endpoint_unload(struct endpoint *e, struct management_call *m);

/* JSON documents. errors: E_NOT_FOUND (describe); E_BAD_INPUT (page token); E_NO_MEMORY */
enum status endpoint_describe(struct endpoint *e, const char *model, uint64_t now_us,
                              struct buf *json, struct err *err) WARN_UNUSED;
enum status endpoint_list(struct endpoint *e, const char *after, uint32_t limit, uint64_t now_us,
                          struct buf *json, struct err *err) WARN_UNUSED;

void endpoint_drain(struct endpoint *e); /* admits nothing any more */
bool endpoint_draining(struct endpoint *e);
uint32_t endpoint_in_flight(struct endpoint *e); /* invocations between invoke and done */
/* Sets the gauges that are read, not counted (cache, exec, mem), before a scrape. */
void endpoint_gauges(struct endpoint *e);

#endif
