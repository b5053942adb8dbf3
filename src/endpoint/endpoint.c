/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How an invocation goes from step to step and from thread to thread, and how it ends once.
 *
 * hand_over_note: exactly one thread works on an invocation at a time (its flow), or it waits in
 * the cache or in the executor, which then are its flow. A thread that hands it over cannot write
 * "it is there now" without touching what may be finished by then; so it keeps a hold across the
 * hand-over, and done is called by whoever lets go last. A cancel sets the flag first and then
 * looks at the place: it takes the invocation back from a place where it waits, which succeeds for
 * one thread only (the cache and the executor decide under their locks); everywhere else the flag
 * is looked at after the place was written, before the next step or between two instructions of a
 * run, so that no cancel is lost. */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "endpoint/endpoint_priv.h"
#include "mem/pool.h"
#include "mem/process.h"
#include "metrics/metrics.h"

_Static_assert(sizeof(((struct trace_call *)0)->model) <= MODEL_NAME_MAX + 1, "filled whole");

/* Of struct op_team: a run's worker asks for help. */
static void share(void *endpoint, exec_part_fn *part, void *arg, int64_t items)
{
    struct endpoint *e = endpoint;
    exec_share(e->exec, part, arg, items);
}

enum status endpoint_new(const struct endpoint_config *c, struct cache *cache,
                         struct endpoint **out, struct err *err)
{
    struct endpoint *e = alloc_zero(1, sizeof(*e));
    if (!e)
        return err_set(err, E_NO_MEMORY, "no memory for the endpoint");
    e->config = *c;
    e->cache = cache;
    e->arena_charge = (struct arena_charge){cache_scratch_take, cache_scratch_give, cache};
    e->team = (struct op_team){share, e};
    const struct exec_config exec = {.workers = c->workers,
                                     .queue_max = c->queue_max,
                                     .local_new = worker_new,
                                     .local_free = worker_free,
                                     .local_trim = worker_trim,
                                     .arg = e};
    enum status s = exec_new(&exec, &e->exec, err);
    if (s != OK) {
        alloc_free(e);
        return s;
    }
    *out = e;
    return OK;
}

void endpoint_free(struct endpoint **e)
{
    if (!*e)
        return;
    /* A thread that has just returned from the last done still counts it off. */
    while (atomic_load(&(*e)->in_flight))
        sched_yield();
    exec_free(&(*e)->exec);
    alloc_free(*e);
    *e = NULL;
}

static void let_go(struct invocation *inv)
{
    struct endpoint *e = inv->endpoint;
    if (atomic_fetch_sub(&inv->holds, 1) > 1)
        return;
    inv->done(inv);
    atomic_fetch_sub(&e->in_flight, 1);
}

/* inv found its model in memory, or waited until it was there. */
static void record(const struct invocation *inv)
{
    struct trace_call c = {.t_us = inv->started_us};
    struct pin_cost cost = cache_pin_cost(&inv->pin);
    c.bytes = cost.bytes;
    c.load_us = cost.reload_us;
    c.exec_us = (uint32_t)MIN(inv->times.infer_us, UINT32_MAX);
    memcpy(c.model, inv->model, sizeof(c.model));
    recorder_note(inv->endpoint->config.recorder, &c);
}

/* Gives everything back and counts; the flow ends here. */
static void finish(struct invocation *inv)
{
    if (inv->ran_us)
        inv->times.infer_us = clock_now_us() - inv->ran_us;
    if (inv->pin.value && inv->endpoint->config.recorder)
        record(inv);
    if (inv->pin.value)
        cache_unpin_ran(inv->endpoint->cache, &inv->pin,
                        inv->status == OK ? MAX(inv->times.infer_us, 1) : 0);
    if (inv->admitted && !inv->started)
        (void)!exec_withdraw(inv->endpoint->exec, &inv->job);
    buf_fini(&inv->body);
    if (inv->status == OK)
        histogram_us(H_INFER, inv->times.infer_us);
    else
        inv->retry_after_s = answer_retry_after_s(inv->status, inv->waiter.retry_after_s);
    if (inv->status == E_TIMEOUT)
        metric_add(M_REFUSED_DEADLINE, 1);
    if (inv->status == E_NO_ROOM)
        exec_trim(inv->endpoint->exec);
    let_go(inv);
}

enum step_result step_fail(struct invocation *inv, enum status s, const char *fmt, ...)
{
    char text[sizeof(inv->err.msg)];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    inv->status = err_set(&inv->err, s, "%s", text);
    return STEP_FAILED;
}

static void fail_cancelled(struct invocation *inv)
{
    enum status why = (enum status)atomic_load(&inv->why);
    (void)step_fail(inv, why, "%s",
                    why == E_TIMEOUT    ? "the deadline passed"
                    : why == E_DRAINING ? "the server is draining"
                                        : "the request was cancelled");
}

/* Takes a cancelled invocation from where it waits and ends it, unless its flow goes on already. */
static void take_back(struct invocation *inv)
{
    int in_cache = PLACE_LOAD, in_queue = PLACE_QUEUE;
    bool ours = false;
    if (atomic_compare_exchange_strong(&inv->place, &in_cache, PLACE_HERE))
        ours = cache_cancel_wait(inv->endpoint->cache, &inv->waiter);
    else if (atomic_compare_exchange_strong(&inv->place, &in_queue, PLACE_HERE))
        ours = exec_withdraw(inv->endpoint->exec, &inv->job);
    if (!ours)
        return;
    inv->lookup = inv->waiter.lookup;
    fail_cancelled(inv);
    finish(inv);
}

void invocation_hand(struct invocation *inv, enum place to)
{
    atomic_fetch_add(&inv->holds, 1);
    atomic_store(&inv->place, to);
}

void invocation_handed(struct invocation *inv, enum place to)
{
    int before = to == PLACE_QUEUE ? PLACE_TO_QUEUE : PLACE_TO_LOAD;
    if (atomic_compare_exchange_strong(&inv->place, &before, to) && to != PLACE_HERE &&
        atomic_load(&inv->cancelled))
        take_back(inv);
    let_go(inv);
}

void invocation_go_on(struct invocation *inv, struct worker *w)
{
    while (inv->status == OK && inv->at < invocation_step_count) {
        if (atomic_load(&inv->cancelled)) {
            fail_cancelled(inv);
            break;
        }
        const struct step *step = &invocation_steps[inv->at++];
        if (step->run(inv, w) == STEP_AWAY)
            return;
    }
    if (inv->status == E_CANCELLED && atomic_load(&inv->cancelled))
        fail_cancelled(inv);
    if (w)
        codec_request_fini(&w->request);
    finish(inv);
}

void endpoint_invoke(struct endpoint *e, struct invocation *inv, uint64_t now_us)
{
    inv->status = OK;
    inv->err = (struct err){.code = OK};
    inv->reply = (struct buf){0};
    inv->ran_version[0] = 0;
    inv->lookup = LOOKUP_NONE;
    inv->retry_after_s = 0;
    inv->times = (struct invocation_times){0};
    inv->endpoint = e;
    inv->waiter = (struct waiter){0};
    inv->job = (struct exec_job){0};
    inv->crowd = NULL;
    inv->pin = (struct pin){0};
    atomic_store(&inv->place, PLACE_HERE);
    atomic_store(&inv->holds, 1);
    atomic_store(&inv->why, OK);
    atomic_store(&inv->cancelled, false);
    inv->at = 0;
    inv->admitted = inv->started = false;
    inv->started_us = now_us;
    inv->queued_us = inv->ran_us = 0;
    atomic_fetch_add(&e->in_flight, 1);
    invocation_go_on(inv, NULL);
}

/* A hold for who is not its flow; false when done was called or is about to be. */
static bool take_hold(struct invocation *inv)
{
    int n = atomic_load(&inv->holds);
    while (n > 0) {
        if (atomic_compare_exchange_weak(&inv->holds, &n, n + 1))
            return true;
    }
    return false;
}

void endpoint_cancel(struct endpoint *e, struct invocation *inv, enum status why)
{
    UNUSED(e);
    if (!take_hold(inv))
        return;
    int first = OK;
    if (atomic_compare_exchange_strong(&inv->why, &first, (int)why))
        atomic_store(&inv->cancelled, true);
    take_back(inv);
    let_go(inv);
}

void endpoint_drain(struct endpoint *e)
{
    atomic_store(&e->draining, true);
    exec_drain(e->exec);
}

bool endpoint_draining(struct endpoint *e)
{
    return atomic_load(&e->draining);
}

uint32_t endpoint_in_flight(struct endpoint *e)
{
    return atomic_load(&e->in_flight);
}

/* Pages that are kept and that no reservation counts on. */
static uint64_t pooled_bytes(const struct budget_usage *u)
{
    uint64_t free = u->limit;
    for (int i = 0; i < BUDGET_CLASS_COUNT; i++)
        free -= u->used[i];
    return MIN(pool_kept_bytes(), free);
}

void endpoint_gauges(struct endpoint *e)
{
    static const enum metric by_state[] = {
        [SLOT_ABSENT] = M_MODELS_ABSENT,     [SLOT_LOADING] = M_MODELS_LOADING,
        [SLOT_RESIDENT] = M_MODELS_RESIDENT, [SLOT_DRAINING] = M_MODELS_DRAINING,
        [SLOT_FAILED] = M_MODELS_FAILED,
    };
    static const enum metric by_class[] = {
        [BUDGET_RESERVED] = M_CACHE_RESERVED,
        [BUDGET_RESIDENT] = M_CACHE_RESIDENT,
        [BUDGET_DRAINING] = M_CACHE_DRAINING,
        [BUDGET_SCRATCH] = M_CACHE_SCRATCH,
    };
    struct budget_usage host, http;
    struct share_usage shared;
    uint64_t counts[ARRAY_COUNT(by_state)];
    cache_usage(e->cache, &host);
    cache_counts(e->cache, counts);
    cache_share_usage(e->cache, &shared);
    budget_read(e->config.http_memory, &http);
    for (size_t i = 0; i < ARRAY_COUNT(by_state); i++)
        metric_set(by_state[i], (int64_t)counts[i]);
    for (size_t i = 0; i < ARRAY_COUNT(by_class); i++)
        metric_set(by_class[i], (int64_t)host.used[i]);
    metric_set(M_CACHE_POOLED, (int64_t)pooled_bytes(&host));
    metric_set(M_CACHE_CAPACITY, (int64_t)host.limit);
    metric_set(M_CACHE_PEAK, (int64_t)host.peak);
    metric_set(M_THRASH_RATIO, cache_thrash_ratio(e->cache));
    metric_set(M_BLOBS_SHARED, (int64_t)shared.count);
    metric_set(M_SHARED_BYTES, (int64_t)shared.bytes);
    metric_set(M_SHARED_WAITS, (int64_t)shared.waits);
    metric_set(M_SHARED_SAVED, (int64_t)shared.saved_bytes);
    metric_set(M_HTTP_MEMORY, (int64_t)http.used[BUDGET_RESIDENT]);
    metric_set(M_QUEUE_DEPTH, exec_depth(e->exec));
    metric_set(M_WORKERS_BUSY, exec_busy(e->exec));
    metric_set(M_WORKERS, e->config.workers);
    metric_set(M_READY, !endpoint_draining(e));
    process_gauges();
}
