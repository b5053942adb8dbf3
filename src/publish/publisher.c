/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The queues of steps and the threads that take them. Each call has one step under way at most;
 * there is a thread more than there are uploads, and what is no upload is on one thread at a time:
 * so no step of an upload waits for another's compile, nor for a list. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "catalog/refresh.h"
#include "metrics/metrics.h"
#include "publish/publish_priv.h"
#include "sandbox/sandbox.h"

#define WRITE_US UINT64_C(600000000) /* for proof, run and the store, beside a compile */

/* Calls in the order they came. All zero is empty. */
struct queue {
    struct publish_call *first, *last;
};

struct publisher {
    struct publish_config config;
    uint32_t started; /* threads to be joined; touched by new and free only */
    pthread_t *threads;
    struct lock lock; /* LOCK_PUBLISHER; guards what follows */
    struct cond changed;
    struct queue uploads_queue, others; /* others: lists, rollbacks, removals */
    bool other;                         /* one of the others is under way */
    bool stopping;
    uint32_t uploads;            /* places taken */
    struct publish_call *placed; /* by these */
};

/* ---- what the steps do ---- */

static enum status take_chunk(const struct publish_config *c, struct publish_call *call,
                              struct err *err)
{
    enum status s = OK;
    if (call->fd < 0)
        s = intake_open(c->dir, &call->fd, err);
    if (s == OK)
        s = intake_add(call->fd, call->chunk.data, call->chunk.len, err);
    call->bytes += call->chunk.len;
    buf_fini(&call->chunk);
    return s;
}

static enum status put_version(const struct publish_config *c, const struct publish_call *call,
                               const struct judged *j, uint64_t *version, struct err *err)
{
    const struct store_source artifact = {.fd = j->fd, .n = j->bytes};
    if (call->dry_run)
        return OK;
    if (atomic_load(&call->cancelled))
        return err_set(err, E_CANCELLED, "nobody waits for the publish any more");
    enum status s = catalog_publish(c->catalog, call->model, &artifact, version, err);
    if (s == OK)
        refresh_now(c->cache, call->model, &call->cancelled);
    return s;
}

static enum status finish_upload(const struct publish_config *c, struct publish_call *call,
                                 struct err *err)
{
    struct judged j = {.fd = -1};
    uint64_t version = 0, began_us = clock_now_us();
    enum status s = judge(c, call, &j, err);
    if (s == OK)
        s = put_version(c, call, &j, &version, err);
    /* What is done is done: without memory for the words, the code alone must do. */
    if (s == OK && answer_upload(call, &j, version, &call->reply) != OK)
        buf_clear(&call->reply);
    if (version)
        LOG(LOG_INFO, "published", log_str("model", call->model),
            log_num("version", (int64_t)version), log_num("bytes", (int64_t)j.bytes),
            log_num("ms", (int64_t)((clock_now_us() - began_us) / 1000)));
    judged_fini(c, call, &j);
    metric_add(s != OK ? M_PUBLISHES_FAILED : call->dry_run ? M_PUBLISHES_DRY : M_PUBLISHES_OK, 1);
    return s;
}

static enum status list_versions(const struct publish_config *c, struct publish_call *call,
                                 struct err *err)
{
    struct catalog_version *all = NULL;
    size_t n = 0;
    enum status s = catalog_versions(c->catalog, call->model, &call->cancelled, &all, &n, err);
    if (s == OK)
        s = answer_versions(call->model, all, n, &call->reply);
    alloc_free(all);
    return s == E_NO_MEMORY ? err_set(err, s, "no memory for the answer") : s;
}

static void nothing(void *arg)
{
    UNUSED(arg);
}

/* Whoever asks for it from now on does not get it from memory. */
static void forget_version(const struct publish_config *c, const struct publish_call *call)
{
    char slot[MODEL_NAME_MAX + 1];
    struct err err;
    catalog_version_name(call->model, call->version, slot);
    (void)!cache_unload(c->cache, slot, nothing, NULL, &err); /* there may be nothing */
}

static enum status change_version(const struct publish_config *c, struct publish_call *call,
                                  struct err *err)
{
    const bool back = call->verb == PUBLISH_ROLLBACK;
    enum status s = back ? catalog_rollback(c->catalog, call->model, &call->version, err)
                         : catalog_delete_version(c->catalog, call->model, call->version, err);
    if (s != OK)
        return s;
    if (back)
        refresh_now(c->cache, call->model, &call->cancelled);
    else
        forget_version(c, call);
    LOG(LOG_INFO, back ? "rolled_back" : "version_deleted", log_str("model", call->model),
        log_num("version", (int64_t)call->version));
    if (answer_version(call->model, call->version, &call->reply) != OK)
        buf_clear(&call->reply);
    return OK;
}

static enum status take_step(const struct publish_config *c, struct publish_call *call,
                             struct err *err)
{
    if (call->verb != PUBLISH_UPLOAD && atomic_load(&call->cancelled))
        return err_set(err, E_CANCELLED, "nobody waits for it any more");
    if (call->verb == PUBLISH_VERSIONS)
        return list_versions(c, call, err);
    if (call->verb != PUBLISH_UPLOAD)
        return change_version(c, call, err);
    enum status s = take_chunk(c, call, err);
    return s == OK && call->last ? finish_upload(c, call, err) : s;
}

/* Lets go of the file and of the place: whoever hears of the end may begin the next upload. */
static void settle(struct publisher *p, struct publish_call *call)
{
    if (call->fd >= 0)
        close(call->fd); /* of a large file this takes the disk's time */
    call->fd = -1;
    if (call->placed) {
        lock_take(&p->lock);
        struct publish_call **at = &p->placed;
        while (*at != call)
            at = &(*at)->next_placed;
        *at = call->next_placed;
        p->uploads--;
        lock_release(&p->lock);
    }
    call->placed = false;
}

static void end_call(struct publisher *p, struct publish_call *call)
{
    settle(p, call);
    buf_fini(&call->chunk);
    buf_fini(&call->reply);
    alloc_free(call);
}

/* ---- the threads ---- */

static void queue_add(struct queue *q, struct publish_call *call)
{
    call->next = NULL;
    *(q->last ? &q->last->next : &q->first) = call;
    q->last = call;
}

/* NULL: it is empty. */
static struct publish_call *queue_take(struct queue *q)
{
    struct publish_call *call = q->first;
    if (call) {
        q->first = call->next;
        if (!q->first)
            q->last = NULL;
    }
    return call;
}

/* NULL: nothing may begin now. */
static struct publish_call *take_call(struct publisher *p) REQUIRES(p->lock)
{
    struct publish_call *call = queue_take(&p->uploads_queue);
    if (call || p->other)
        return call;
    call = queue_take(&p->others);
    p->other = call != NULL;
    return call;
}

/* NULL when it stops. */
static struct publish_call *next_call(struct publisher *p)
{
    struct publish_call *call;
    lock_take(&p->lock);
    while (!(call = take_call(p)) && !(p->stopping && !p->others.first))
        cond_wait(&p->changed, &p->lock, 0);
    lock_release(&p->lock);
    return call;
}

static void end_other(struct publisher *p)
{
    lock_take(&p->lock);
    p->other = false;
    cond_wake_all(&p->changed);
    lock_release(&p->lock);
}

static void *run_all(void *arg)
{
    struct publisher *p = arg;
    struct publish_call *call;
    while ((call = next_call(p))) {
        if (call->over) {
            end_call(p, call);
            continue;
        }
        call->err = (struct err){.code = OK};
        const bool other = call->verb != PUBLISH_UPLOAD;
        call->status = take_step(&p->config, call, &call->err);
        if (other)
            end_other(p);
        if (call->last || call->status != OK)
            settle(p, call);
        call->done(call);
    }
    return NULL;
}

static void submit(struct publisher *p, struct publish_call *call)
{
    lock_take(&p->lock);
    queue_add(call->verb == PUBLISH_UPLOAD ? &p->uploads_queue : &p->others, call);
    cond_wake_one(&p->changed);
    lock_release(&p->lock);
}

static enum status start(struct publisher *p, struct err *err)
{
    const uint32_t threads = p->config.uploads_max + 1;
    p->threads = alloc_zero(threads, sizeof(*p->threads));
    if (!p->threads)
        return err_set(err, E_NO_MEMORY, "no memory for %" PRIu32 " publishers", threads);
    while (p->started < threads) {
        char name[16];
        if (pthread_create(&p->threads[p->started], NULL, run_all, p) != 0)
            return err_set(err, E_INTERNAL,
                           "publisher %" PRIu32 " of %" PRIu32 " could not be started",
                           p->started + 1, threads);
        snprintf(name, sizeof(name), "publisher-%" PRIu32, p->started);
        pthread_setname_np(p->threads[p->started++], name);
    }
    return OK;
}

enum status publisher_new(const struct publish_config *c, struct publisher **out, struct err *err)
{
    struct publisher *p = alloc_zero(1, sizeof(*p));
    if (!p)
        return err_set(err, E_NO_MEMORY, "no memory for the publisher");
    p->config = *c;
    lock_init(&p->lock, LOCK_PUBLISHER);
    cond_init(&p->changed);
    enum status s = start(p, err);
    if (s != OK)
        publisher_free(&p);
    else
        *out = p;
    return s;
}

void publisher_free(struct publisher **out)
{
    struct publisher *p = *out;
    if (!p)
        return;
    lock_take(&p->lock);
    p->stopping = true;
    cond_wake_all(&p->changed);
    lock_release(&p->lock);
    for (uint32_t i = 0; i < p->started; i++)
        pthread_join(p->threads[i], NULL);
    ASSERT(!p->uploads_queue.first && !p->others.first && !p->uploads);
    alloc_free(p->threads);
    cond_fini(&p->changed);
    lock_fini(&p->lock);
    alloc_free(p);
    *out = NULL;
}

uint64_t publisher_last_us(const struct publisher *p)
{
    const uint64_t time_us = p->config.compile.time_us;
    return (time_us ? time_us : (uint64_t)SANDBOX_TIME_S * 1000000) + p->config.run_us + WRITE_US;
}

/* ---- calls ---- */

/* The bytes of a model's name that are its tenant's. */
static size_t tenant_bytes(const char *model)
{
    const char *slash = strchr(model, '/');
    return slash ? (size_t)(slash - model) : 0;
}

static uint32_t placed_of_tenant(struct publisher *p, const char *model) REQUIRES(p->lock)
{
    const size_t n = tenant_bytes(model);
    uint32_t count = 0;
    for (const struct publish_call *c = p->placed; c; c = c->next_placed)
        count += tenant_bytes(c->model) == n && memcmp(c->model, model, n) == 0;
    return count;
}

static enum status take_place(struct publisher *p, struct publish_call *call, struct err *err)
{
    const struct publish_config *c = &p->config;
    lock_take(&p->lock);
    const bool room = p->uploads < c->uploads_max;
    call->placed = room && placed_of_tenant(p, call->model) < c->tenant_uploads_max;
    if (call->placed) {
        p->uploads++;
        call->next_placed = p->placed;
        p->placed = call;
    }
    lock_release(&p->lock);
    if (call->placed)
        return OK;
    metric_add(room ? M_REFUSED_TENANT_PUBLISHES : M_REFUSED_PUBLISHES, 1);
    return room ? err_set(err, E_QUEUE_FULL,
                          "%" PRIu32 " models of this tenant are being published already",
                          c->tenant_uploads_max)
                : err_set(err, E_QUEUE_FULL, "%" PRIu32 " models are being published already",
                          c->uploads_max);
}

enum status publish_call_new(struct publisher *p, enum publish_verb verb, const char *model,
                             struct publish_call **out, struct err *err)
{
    struct publish_call *call = alloc_zero(1, sizeof(*call));
    if (!call)
        return err_set(err, E_NO_MEMORY, "no memory for the request");
    snprintf(call->model, sizeof(call->model), "%s", model);
    enum status s = OK;
    if (verb == PUBLISH_UPLOAD)
        s = catalog_may_publish(model, err) ? take_place(p, call, err) : E_BAD_INPUT;
    if (s != OK) {
        alloc_free(call);
        return s;
    }
    const uint64_t most = tenant_limits_of(&p->config.compile.tenants, model)->publish_max;
    call->publisher = p;
    call->verb = verb;
    call->bytes_max = most ? most : UINT64_MAX;
    call->fd = -1;
    buf_init_charged(&call->reply, 0, budget_charge_buf, p->config.http_memory);
    *out = call;
    return OK;
}

void publish_step(struct publish_call *call)
{
    submit(call->publisher, call);
}

void publish_cancel(struct publish_call *call)
{
    atomic_store(&call->cancelled, true);
}

void publish_call_free(struct publish_call **out)
{
    struct publish_call *call = *out;
    *out = NULL;
    if (!call)
        return;
    if (call->fd < 0) {
        end_call(call->publisher, call);
        return;
    }
    call->over = true;
    submit(call->publisher, call);
}
