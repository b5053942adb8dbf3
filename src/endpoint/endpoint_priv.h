/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the endpoint's files share. */
#ifndef ROOST_ENDPOINT_ENDPOINT_PRIV_H
#define ROOST_ENDPOINT_ENDPOINT_PRIV_H

#include "endpoint/endpoint.h"
#include "runtime/session.h"

/* Heap. */
struct endpoint {
    struct endpoint_config config;
    struct cache *cache; /* borrowed */
    struct exec *exec;
    struct arena_charge arena_charge; /* of every worker's arena */
    struct op_team team;              /* the executor's idle workers, for every session */
    atomic_uint in_flight;            /* invocations and management calls not yet done */
    atomic_uint prefetches;           /* hints whose loads have not ended */
    atomic_bool draining;
};

/* What a worker of the executor has for itself. Heap; made and used on its thread only. */
struct worker {
    struct arena arena;
    struct session *session;
    struct codec_request request;               /* of the invocation it runs */
    struct tensor outputs[SIGNATURE_PORTS_MAX]; /* of its last run */
};

/* ---- worker.c: the executor's locals (struct exec_config); arg is the endpoint ---- */
void *worker_new(void *endpoint, uint32_t index);
void worker_free(void *endpoint, void *worker);
/* Gives the arena back: what was refused for want of room finds it at its next try. */
void worker_trim(void *endpoint, void *worker);
/* A buf_charge_fn over --http-memory that counts what it refuses; arg is the endpoint. */
bool worker_charge(void *endpoint, int64_t delta);

/* ---- steps.c: what happens to an invocation, in order ---- */

enum step_result {
    STEP_NEXT,   /* go on here */
    STEP_AWAY,   /* another thread goes on, or has: the invocation is not to be touched */
    STEP_FAILED, /* inv->status and inv->err say why */
};

struct step {
    const char *name;
    /* w: the worker, NULL before "start" */
    enum step_result (*run)(struct invocation *inv, struct worker *w);
};
extern const struct step invocation_steps[];
extern const uint32_t invocation_step_count;

/* Invocations that waited for the same load: they become ready at once, and workers are woken once.
 * On the stack of the thread that answers them; a list through their jobs' next. */
struct crowd {
    struct exec_job *first, **end;
};

/* ---- endpoint.c: hand-overs ---- */

/* Where an invocation is. Whoever hands it over writes PLACE_TO_… before and, if it is still there,
 * PLACE_… after; a cancel takes it back from the latter only. */
enum place {
    PLACE_HERE, /* a thread works on it */
    PLACE_TO_LOAD,
    PLACE_LOAD, /* waits in the cache */
    PLACE_TO_QUEUE,
    PLACE_QUEUE, /* waits in the executor */
};

/* Ends a step: fills status and err. */
enum step_result step_fail(struct invocation *inv, enum status s, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Before a hand-over: the thread keeps a hold until invocation_handed. */
void invocation_hand(struct invocation *inv, enum place to);
/* After it: the other side may be through with the invocation by now. */
void invocation_handed(struct invocation *inv, enum place to);
/* The next steps, on the thread that has the invocation now. */
void invocation_go_on(struct invocation *inv, struct worker *w);

/* ---- answer.c: what a failure says to who asked ---- */

/* Seconds for Retry-After; backoff_s is what the cache said (0: nothing). */
uint32_t answer_retry_after_s(enum status s, uint32_t backoff_s);
/* Leaves of a failure that is not the caller's only its class. model is named. */
void answer_conceal(struct err *err, const char *model, const char *what);

#endif
