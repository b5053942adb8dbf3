/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The steps of an invocation. Each either goes on, hands the invocation to another thread, or fails
 * it; what they took is given back in one place (endpoint.c, finish). */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "endpoint/endpoint_priv.h"
#include "metrics/metrics.h"

/* What the cache calls what is asked for: the model, or one version of it. Any other text than a
 * number is the version of a model that has no numbers: it can only be the current one. */
static const char *slot_name(const struct invocation *inv, char name[MODEL_NAME_MAX + 1])
{
    uint64_t n;
    if (!*inv->version || !catalog_version_parse(inv->version, &n))
        return inv->model;
    catalog_version_name(inv->model, n, name);
    return name;
}

/* Has the node a record of the name: did it exist once? */
static bool has_record(const struct invocation *inv, const char *name, bool resident)
{
    struct slot_info info;
    return cache_info(inv->endpoint->cache, name, &info) &&
           (!resident || info.state == SLOT_RESIDENT);
}

/* Refuses names that proved unknown a moment ago, and never-seen names while their tenant, or
 * everybody, asks for too many unknown ones, before they cost a place or a load. */
static enum step_result known(struct invocation *inv, struct worker *w)
{
    UNUSED(w);
    struct catalog *c = inv->endpoint->config.catalog;
    char text[MODEL_NAME_MAX + 1];
    const char *name = slot_name(inv, text);
    /* What is in memory is served, whatever a look for a new version said. */
    if (catalog_known_absent(c, name, inv->started_us) && !has_record(inv, name, true)) {
        metric_add(M_NEGATIVE_HITS, 1);
        return step_fail(inv, E_NOT_FOUND, "model '%.160s' is not in the store", name);
    }
    const enum probe may = catalog_may_probe(c, name, inv->started_us);
    if (may == PROBE_MAY || has_record(inv, name, false))
        return STEP_NEXT;
    metric_add(may == PROBE_TENANT ? M_REFUSED_PROBES : M_REFUSED_PROBES_NODE, 1);
    return step_fail(inv, E_RATE,
                     "too many unknown names were asked for: '%.160s' is not looked for",
                     inv->model);
}

/* Takes a place in the queue, which it keeps while it waits for a load. */
static enum step_result admit(struct invocation *inv, struct worker *w)
{
    UNUSED(w);
    enum status s = exec_admit(inv->endpoint->exec, &inv->job);
    inv->admitted = s == OK;
    if (s == E_QUEUE_FULL)
        metric_add(M_REFUSED_QUEUE, 1);
    if (s == E_DRAINING)
        return step_fail(inv, s, "the server is draining");
    return s == OK ? STEP_NEXT
                   : step_fail(inv, s, "%u requests are queued, as many as may be",
                               inv->endpoint->config.queue_max);
}

static void load_ended(struct waiter *w, enum status s, const struct pin *p, const struct err *err,
                       struct crowd *crowd)
{
    struct invocation *inv = CONTAINER_OF(w, struct invocation, waiter);
    inv->crowd = crowd;
    atomic_store(&inv->place, PLACE_HERE);
    inv->lookup = w->lookup;
    if (s == OK) {
        inv->pin = *p;
        inv->times.queue_us = w->times.queue_us;
        inv->times.fetch_us = w->times.fetch_us;
        inv->times.load_us = (uint64_t)w->times.verify_us + w->times.bind_us;
    } else {
        inv->status = s;
        inv->err = *err;
        answer_conceal(&inv->err, inv->model, "loaded");
    }
    invocation_go_on(inv, NULL);
}

/* All that waited for the load go on, each up to its place in the queue; then all are submitted.
 * Each holds itself until it is handed over (hand_over_note), so that one which runs, or is
 * cancelled, meanwhile stays where the list can be read. */
static void loads_ended(struct waiter *list, enum status s, const struct pin *p,
                        const struct err *err)
{
    struct exec *exec = CONTAINER_OF(list, struct invocation, waiter)->endpoint->exec;
    struct crowd crowd = {.end = &crowd.first};
    while (list) {
        struct waiter *w = list;
        list = w->next;
        load_ended(w, s, p, err, &crowd);
    }
    if (crowd.first) /* else all may be gone, and the endpoint with them */
        exec_submit_all(exec, crowd.first);
    while (crowd.first) {
        struct exec_job *job = crowd.first;
        crowd.first = job->next;
        invocation_handed(CONTAINER_OF(job, struct invocation, job), PLACE_QUEUE);
    }
}

/* A version that is current and in memory is not loaded once more under its own name. */
static enum pin_result pin_model(struct invocation *inv, struct pin *got, struct err *err)
{
    struct cache *c = inv->endpoint->cache;
    char text[MODEL_NAME_MAX + 1];
    if (*inv->version &&
        cache_pin_version_of(c, inv->model, inv->version, inv->started_us, &inv->waiter, got))
        return PIN_READY;
    return cache_pin(c, slot_name(inv, text), inv->started_us, &inv->waiter, got, err);
}

/* Gets the right to use the model, waiting for its load without a thread where it must. */
static enum step_result pin(struct invocation *inv, struct worker *w)
{
    UNUSED(w);
    inv->waiter.done_all = loads_ended;
    inv->waiter.counts = true;
    invocation_hand(inv, PLACE_TO_LOAD);
    struct pin got;
    struct err err;
    enum pin_result r = pin_model(inv, &got, &err);
    if (r == PIN_WAITING) {
        invocation_handed(inv, PLACE_LOAD);
        return STEP_AWAY;
    }
    invocation_handed(inv, PLACE_HERE);
    inv->lookup = inv->waiter.lookup;
    if (r == PIN_READY) {
        inv->pin = got;
        return STEP_NEXT;
    }
    inv->status = err.code;
    inv->err = err;
    answer_conceal(&inv->err, inv->model, "loaded");
    return STEP_FAILED;
}

/* What was loaded is what was asked for. */
static enum step_result version(struct invocation *inv, struct worker *w)
{
    UNUSED(w);
    if (!*inv->version || strcmp(cache_pin_version(&inv->pin), inv->version) == 0)
        return STEP_NEXT;
    return step_fail(inv, E_NOT_FOUND, "model '%.160s' has no version '%s'", inv->model,
                     inv->version);
}

static void run_on_worker(struct exec_job *job, struct exec_worker *w)
{
    struct invocation *inv = CONTAINER_OF(job, struct invocation, job);
    atomic_store(&inv->place, PLACE_HERE);
    inv->started = true;
    struct worker *worker = w->local;
    codec_request_init(&worker->request, worker_charge, inv->endpoint);
    invocation_go_on(inv, worker);
}

static enum step_result submit(struct invocation *inv, struct worker *w)
{
    UNUSED(w);
    struct exec *exec = inv->endpoint->exec;
    inv->job.run = run_on_worker;
    inv->queued_us = clock_now_us();
    invocation_hand(inv, PLACE_TO_QUEUE);
    if (inv->crowd) {
        *inv->crowd->end = &inv->job;
        inv->crowd->end = &inv->job.next;
        inv->crowd = NULL;
        return STEP_AWAY;
    }
    exec_submit(exec, &inv->job);
    invocation_handed(inv, PLACE_QUEUE);
    return STEP_AWAY;
}

/* On the worker: what waited too long is not run. */
static enum step_result start(struct invocation *inv, struct worker *w)
{
    UNUSED(w);
    uint64_t now_us = clock_now_us(), waited_us = now_us - inv->queued_us;
    inv->times.queue_us += waited_us;
    histogram_us(H_QUEUE, waited_us);
    inv->ran_us = now_us;
    if (inv->deadline_us && now_us >= inv->deadline_us)
        return step_fail(inv, E_TIMEOUT, "the deadline passed while the request was queued");
    return STEP_NEXT;
}

/* Keeps the operator's details of a fault in the log, as they are the model's or ours. */
static enum step_result run_fault(struct invocation *inv, enum status s, const char *step)
{
    inv->status = s;
    if (status_class(s) == STATUS_CORRUPT || s == E_INTERNAL)
        LOG(LOG_WARN, "invocation_failed", log_str("model", inv->model), log_str("step", step),
            log_str("status", status_name(s)), log_str("error", inv->err.msg));
    answer_conceal(&inv->err, inv->model, "run");
    return STEP_FAILED;
}

static const struct signature *signature_of(const struct invocation *inv)
{
    return program_signature(inv->pin.value);
}

static enum step_result decode(struct invocation *inv, struct worker *w)
{
    enum status s = codec_decode(inv->in_format, inv->body.data, inv->body.len, signature_of(inv),
                                 &inv->options, &w->request, &inv->err);
    buf_fini(&inv->body);
    return s == OK ? STEP_NEXT : run_fault(inv, s, "decode");
}

static enum step_result run(struct invocation *inv, struct worker *w)
{
    const struct run_limits limits = {.deadline_us = inv->deadline_us,
                                      .cancelled = &inv->cancelled,
                                      .steps_max = inv->endpoint->config.steps_max};
    enum status s =
        session_run(w->session, inv->pin.value, w->request.inputs, w->outputs, &limits, &inv->err);
    if (s == OK)
        return STEP_NEXT;
    if (s == E_TOO_LARGE)
        metric_add(M_REFUSED_ARENA, 1);
    if (s == E_STEPS)
        metric_add(M_REFUSED_STEPS, 1);
    return run_fault(inv, s, "run");
}

static enum step_result encode(struct invocation *inv, struct worker *w)
{
    struct endpoint *e = inv->endpoint;
    inv->reply_format = inv->out_format < 0 ? inv->in_format : (enum codec_format)inv->out_format;
    struct codec_options options = inv->options;
    if (!options.model_version)
        options.model_version = cache_pin_version(&inv->pin);
    memcpy(inv->ran_version, cache_pin_version(&inv->pin), sizeof(inv->ran_version));
    buf_init_charged(&inv->reply, e->config.reply_max, worker_charge, e);
    enum status s = codec_encode(inv->reply_format, signature_of(inv), w->outputs, &w->request,
                                 &options, &inv->reply, &inv->err);
    if (s == OK)
        return STEP_NEXT;
    buf_fini(&inv->reply);
    if (s == E_TOO_LARGE)
        metric_add(M_REFUSED_REPLY, 1);
    return run_fault(inv, s, "encode");
}

const struct step invocation_steps[] = {
    /* on the caller's thread */
    {"known", known},
    {"admit", admit},
    {"pin", pin},
    /* there, or on the loader's when the model was cold */
    {"version", version},
    {"submit", submit},
    /* on a worker */
    {"start", start},
    {"decode", decode},
    {"run", run},
    {"encode", encode},
};
const uint32_t invocation_step_count = ARRAY_COUNT(invocation_steps);
