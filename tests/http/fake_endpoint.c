/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One lock, one queue of work to end, one thread that ends it. */
#include "fake_endpoint.h"

#include <string.h>

#include "base/alloc.h"

enum { OPEN_MAX = 4096 };

struct work {
    struct invocation *inv; /* one of these two */
    struct management_call *call;
    bool held; /* waits for fake_release or a cancel */
};

struct endpoint {
    struct lock lock;
    struct cond changed;
    pthread_t thread;
    struct work open[OPEN_MAX];
    uint32_t count;
    uint32_t held_seen, cancelled_seen;
    bool ignore_cancel, draining, stop;
    struct invocation last;
};

/* Rows: a model's name and how its invocations, loads and unloads end. */
static const struct {
    const char *name;
    enum status status;
    uint32_t retry_after_s;
} ends[] = {
    {"bad", E_BAD_INPUT, 0},   {"full", E_QUEUE_FULL, 0}, {"corrupt", E_CORRUPT, 7},
    {"huge", E_NEVER_FITS, 0}, {"late", E_TIMEOUT, 0},    {"resident", E_EXISTS, 0},
    {"nostore", E_STORE, 3},   {"going", E_DRAINING, 0},  {"arena", E_TOO_LARGE, 0},
};

static enum status status_of(const char *name, uint32_t *retry_after_s)
{
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
        if (strcmp(name, ends[i].name) == 0) {
            *retry_after_s = ends[i].retry_after_s;
            return ends[i].status;
        }
    bool known =
        strcmp(name, "echo") == 0 || strcmp(name, "held") == 0 || strcmp(name, "acme/echo") == 0;
    return known ? OK : E_NOT_FOUND;
}

static void end_invocation(struct invocation *inv)
{
    if (inv->status == OK)
        inv->status = status_of(inv->model, &inv->retry_after_s);
    if (inv->status == OK) {
        inv->lookup = LOOKUP_HIT;
        inv->times = (struct invocation_times){.queue_us = 12, .infer_us = 3456};
        inv->reply_format =
            inv->out_format < 0 ? inv->in_format : (enum codec_format)inv->out_format;
        buf_move(&inv->reply, &inv->body);
    } else {
        err_set(&inv->err, inv->status, "%s: staged \"%s\"", inv->model, status_text(inv->status));
        buf_fini(&inv->body);
    }
    inv->done(inv);
}

static void end_call(struct management_call *m)
{
    m->status = status_of(m->model, &m->retry_after_s);
    if (m->status != OK)
        err_set(&m->err, m->status, "%s: staged", m->model);
    m->done(m);
}

/* Takes one piece of work that may end. */
static bool take_ready(struct endpoint *e, struct work *w)
{
    for (uint32_t i = 0; i < e->count; i++)
        if (!e->open[i].held) {
            *w = e->open[i];
            memmove(e->open + i, e->open + i + 1, (e->count - i - 1) * sizeof(*w));
            e->count--;
            return true;
        }
    return false;
}

static void *fake_main(void *arg)
{
    struct endpoint *e = arg;
    struct work w;
    lock_take(&e->lock);
    while (!e->stop || e->count) {
        if (!take_ready(e, &w)) {
            cond_wait(&e->changed, &e->lock, 0);
            continue;
        }
        lock_release(&e->lock);
        if (w.inv)
            end_invocation(w.inv);
        else
            end_call(w.call);
        lock_take(&e->lock);
        cond_wake_all(&e->changed);
    }
    lock_release(&e->lock);
    return NULL;
}

struct endpoint *fake_endpoint_new(void)
{
    struct endpoint *e = alloc_zero(1, sizeof(*e));
    ASSERT(e);
    lock_init(&e->lock, LOCK_EXEC);
    cond_init(&e->changed);
    int failed = pthread_create(&e->thread, NULL, fake_main, e);
    ASSERT(!failed);
    return e;
}

void fake_endpoint_free(struct endpoint **out)
{
    struct endpoint *e = *out;
    lock_take(&e->lock);
    e->stop = true;
    for (uint32_t i = 0; i < e->count; i++)
        e->open[i].held = false;
    cond_wake_all(&e->changed);
    lock_release(&e->lock);
    pthread_join(e->thread, NULL);
    cond_fini(&e->changed);
    lock_fini(&e->lock);
    alloc_free(e);
    *out = NULL;
}

static void add(struct endpoint *e, struct work w)
{
    lock_take(&e->lock);
    ASSERT(e->count < OPEN_MAX);
    e->open[e->count++] = w;
    e->held_seen += w.held;
    if (w.inv)
        e->last = *w.inv;
    cond_wake_all(&e->changed);
    lock_release(&e->lock);
}

void fake_wait_held(struct endpoint *e, uint32_t n)
{
    lock_take(&e->lock);
    while (e->held_seen < n)
        cond_wait(&e->changed, &e->lock, 0);
    lock_release(&e->lock);
}

void fake_wait_cancelled(struct endpoint *e, uint32_t n)
{
    lock_take(&e->lock);
    while (e->cancelled_seen < n)
        cond_wait(&e->changed, &e->lock, 0);
    lock_release(&e->lock);
}

void fake_release(struct endpoint *e)
{
    lock_take(&e->lock);
    for (uint32_t i = 0; i < e->count; i++)
        e->open[i].held = false;
    cond_wake_all(&e->changed);
    lock_release(&e->lock);
}

void fake_ignore_cancel(struct endpoint *e, bool ignore)
{
    lock_take(&e->lock);
    e->ignore_cancel = ignore;
    lock_release(&e->lock);
}

uint32_t fake_open(struct endpoint *e)
{
    lock_take(&e->lock);
    uint32_t n = e->count;
    lock_release(&e->lock);
    return n;
}

void fake_last(struct endpoint *e, struct invocation *copy)
{
    lock_take(&e->lock);
    *copy = e->last;
    lock_release(&e->lock);
}

/* ---- the door that src/endpoint/endpoint.h declares ---- */

void endpoint_invoke(struct endpoint *e, struct invocation *inv, uint64_t now_us)
{
    inv->started_us = now_us;
    inv->status = OK;
    if (strcmp(inv->model, "inline") == 0) { /* ends before it returns */
        inv->lookup = LOOKUP_HIT;
        inv->reply_format = inv->in_format;
        buf_move(&inv->reply, &inv->body);
        inv->done(inv);
        return;
    }
    add(e, (struct work){.inv = inv, .held = strcmp(inv->model, "held") == 0});
}

void endpoint_cancel(struct endpoint *e, struct invocation *inv, enum status why)
{
    lock_take(&e->lock);
    for (uint32_t i = 0; i < e->count; i++)
        if (e->open[i].inv == inv && !e->ignore_cancel) {
            inv->status = why;
            e->open[i].held = false;
        }
    e->cancelled_seen++;
    cond_wake_all(&e->changed);
    lock_release(&e->lock);
}

void endpoint_load(struct endpoint *e, struct management_call *m, uint64_t now_us)
{
    UNUSED(now_us);
    add(e, (struct work){.call = m, .held = strcmp(m->model, "held") == 0});
}

void endpoint_unload(struct endpoint *e, struct management_call *m)
{
    add(e, (struct work){.call = m, .held = strcmp(m->model, "held") == 0});
}

enum status endpoint_prefetch(struct endpoint *e, const char *model, uint64_t now_us,
                              struct err *err)
{
    UNUSED(e);
    UNUSED(now_us);
    uint32_t retry;
    enum status s = status_of(model, &retry);
    return s == OK ? OK : err_set(err, s, "%s: staged", model);
}

enum status endpoint_unkeep(struct endpoint *e, const char *model, struct err *err)
{
    UNUSED(e);
    uint32_t retry;
    enum status s = status_of(model, &retry);
    return s == OK ? OK : err_set(err, s, "%s: staged", model);
}

enum status endpoint_tenants(struct endpoint *e, struct buf *json, struct err *err)
{
    UNUSED(e);
    UNUSED(err);
    return buf_str(json, "{\"tenants\": []}");
}

enum status endpoint_tenant_metrics(struct endpoint *e, struct buf *out)
{
    UNUSED(e);
    UNUSED(out);
    return OK;
}

enum status endpoint_advice(struct endpoint *e, uint64_t now_us, struct buf *json, struct err *err)
{
    UNUSED(e);
    UNUSED(now_us);
    UNUSED(err);
    return buf_str(json, "{\"curve\": []}");
}

enum status endpoint_describe(struct endpoint *e, const char *model, uint64_t now_us,
                              struct buf *json, struct err *err)
{
    UNUSED(e);
    UNUSED(now_us);
    uint32_t retry;
    if (status_of(model, &retry) == E_NOT_FOUND)
        return err_set(err, E_NOT_FOUND, "%s: no such model", model);
    return buf_printf(json, "{\"modelName\": \"%s\"}", model);
}

enum status endpoint_list(struct endpoint *e, const char *after, uint32_t limit, uint64_t now_us,
                          struct buf *json, struct err *err)
{
    UNUSED(e);
    UNUSED(now_us);
    UNUSED(err);
    return buf_printf(json, "{\"after\": \"%s\", \"limit\": %u}", after, limit);
}

void endpoint_drain(struct endpoint *e)
{
    lock_take(&e->lock);
    e->draining = true;
    lock_release(&e->lock);
}

bool endpoint_draining(struct endpoint *e)
{
    lock_take(&e->lock);
    bool draining = e->draining;
    lock_release(&e->lock);
    return draining;
}

uint32_t endpoint_in_flight(struct endpoint *e)
{
    return fake_open(e);
}

void endpoint_gauges(struct endpoint *e)
{
    UNUSED(e);
}
