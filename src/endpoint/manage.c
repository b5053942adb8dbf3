/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Load now and unload: what operators ask. They hear every detail of a failure, are not counted as
 * lookups, and a load does not ask whether the name was unknown a moment ago: it may have been
 * published since. */
#include "endpoint/endpoint_priv.h"

static void begin(struct endpoint *e, struct management_call *m)
{
    m->status = OK;
    m->err = (struct err){.code = OK};
    m->retry_after_s = 0;
    m->waiter = (struct waiter){.hint = m->hint};
    m->endpoint = e;
    atomic_fetch_add(&e->in_flight, 1);
}

static void end(struct management_call *m, enum status s)
{
    struct endpoint *e = m->endpoint;
    m->status = s;
    if (s != OK)
        m->retry_after_s = answer_retry_after_s(s, m->waiter.retry_after_s);
    if (s == E_NO_ROOM)
        exec_trim(e->exec);
    m->done(m);
    atomic_fetch_sub(&e->in_flight, 1);
}

/* The model is there: pins it where that was asked. */
static enum status loaded(struct management_call *m, const struct pin *pin)
{
    struct cache *c = m->endpoint->cache;
    enum status s = m->keep ? cache_keep(c, pin, &m->err) : OK;
    cache_unpin(c, pin);
    return s;
}

static void load_ended(struct waiter *w, enum status s, const struct pin *pin,
                       const struct err *err)
{
    struct management_call *m = CONTAINER_OF(w, struct management_call, waiter);
    if (s == OK)
        s = loaded(m, pin);
    else
        m->err = *err;
    end(m, s);
}

void endpoint_load(struct endpoint *e, struct management_call *m, uint64_t now_us)
{
    struct pin pin;
    struct err err;
    begin(e, m);
    if (endpoint_draining(e)) {
        end(m, err_set(&m->err, E_DRAINING, "the server is draining"));
        return;
    }
    m->waiter.done = load_ended;
    enum pin_result r = cache_pin(e->cache, m->model, now_us, &m->waiter, &pin, &err);
    if (r == PIN_WAITING)
        return; /* m may have ended by now */
    if (r == PIN_FAILED)
        m->err = err;
    enum status s = r == PIN_READY ? loaded(m, &pin) : err.code;
    if (r == PIN_READY && !m->keep)
        s = err_set(&m->err, E_EXISTS, "model '%.160s' is resident already", m->model);
    end(m, s);
}

enum status endpoint_unkeep(struct endpoint *e, const char *model, struct err *err)
{
    return cache_unkeep(e->cache, model, err);
}

static void drained(void *arg)
{
    end(arg, OK);
}

void endpoint_unload(struct endpoint *e, struct management_call *m)
{
    struct err err;
    begin(e, m);
    enum status s = cache_unload(e->cache, m->model, drained, m, &err);
    if (s == OK)
        return; /* m may have ended by now */
    m->err = err;
    end(m, s);
}
