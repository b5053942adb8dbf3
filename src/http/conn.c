/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The life of a connection: accepted, guarded, dropped. Its clock is one absolute deadline per
 * state, so that a client which sends a byte now and then gains nothing; the timer behind it is
 * armed again only when it fires too early, which makes a deadline that moves away cost nothing. */
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/http_priv.h"
#include "metrics/metrics.h"

static const struct http_limits *limits_of(const struct conn *c)
{
    return &c->door->loop->server->config.limits;
}

static void arm(struct conn *c, uint64_t now_us)
{
    uint64_t wait = c->deadline_us > now_us ? c->deadline_us - now_us : 0;
    struct timeval t = {(time_t)(wait / 1000000u), (suseconds_t)(wait % 1000000u)};
    event_add(&c->timer, &t);
    c->armed_us = c->deadline_us;
}

void conn_deadline(struct conn *c, uint64_t at_us)
{
    c->deadline_us = at_us;
    if (at_us && (!c->armed_us || at_us < c->armed_us))
        arm(c, clock_now_us());
}

void conn_drop(struct conn *c)
{
    if (c->dead)
        return;
    struct loop *l = c->door->loop;
    struct server *s = l->server;
    c->dead = true;
    event_del(&c->timer);
    if (c->request)
        request_detach(c->request, E_CANCELLED);
    c->request = NULL;
    if (!c->lost)
        evhtp_connection_free(c->lib);
    if (c->prev)
        c->prev->next = c->next;
    else
        l->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->next = l->dead;
    l->dead = c;
    uint_fast32_t left = atomic_fetch_sub(&s->connections, 1) - 1;
    if (!left && atomic_load(&s->draining)) {
        lock_take(&s->lock);
        cond_wake_all(&s->empty);
        lock_release(&s->lock);
    }
}

/* The least time at which `moved` bytes are fast enough. */
static uint64_t rate_deadline(const struct conn *c, uint64_t moved)
{
    const struct http_limits *m = limits_of(c);
    uint64_t rate = m->body_rate ? m->body_rate : 1;
    return c->since_us + m->body_grace_us + moved / rate * 1000000u +
           moved % rate * 1000000u / rate;
}

static void shut(struct conn *c)
{
    if (!c->linger || c->eof || c->lost) {
        conn_drop(c);
        return;
    }
    shutdown(bufferevent_getfd(c->bev), SHUT_WR);
    c->state = CONN_LINGER;
    struct evbuffer *in = bufferevent_get_input(c->bev);
    evbuffer_drain(in, evbuffer_get_length(in));
    if (c->paused)
        bufferevent_enable(c->bev, EV_READ);
    conn_deadline(c, clock_now_us() + LINGER_US);
}

static void observe(const struct request *r)
{
    static const enum histogram by_lookup[] = {[LOOKUP_NONE] = H_REQUEST_HIT,
                                               [LOOKUP_HIT] = H_REQUEST_HIT,
                                               [LOOKUP_MISS] = H_REQUEST_MISS,
                                               [LOOKUP_JOINED] = H_REQUEST_JOINED};
    if (r->ran)
        histogram_us(by_lookup[r->lookup], clock_now_us() - r->received_us);
}

void conn_answered(struct conn *c)
{
    feed_finish(c);
    if (c->request) {
        observe(c->request);
        request_release(c->request);
        c->request = NULL;
    }
    if (c->lost || c->closing || (c->eof && !evbuffer_get_length(bufferevent_get_input(c->bev)))) {
        shut(c);
        return;
    }
    c->state = CONN_HEAD;
    c->scan = (struct head_scan){0};
    c->since_us = c->blanks = 0;
    c->head_only = c->http10 = false;
    if (c->paused) {
        c->paused = false;
        bufferevent_enable(c->bev, EV_READ);
    }
    conn_deadline(c, clock_now_us() + limits_of(c)->idle_us);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;
    struct loop *l = c->door->loop;
    ASSERT(c->magic == CONN_MAGIC);
    struct evbuffer *in = bufferevent_get_input(bev);
    if (c->state == CONN_LINGER) {
        evbuffer_drain(in, evbuffer_get_length(in));
    } else if (c->state == CONN_RUNNING || c->state == CONN_WRITING) {
        if (evbuffer_get_length(in) >= PIPELINE_MAX) {
            c->paused = true;
            bufferevent_disable(bev, EV_READ);
        }
    } else {
        guard_run(c);
    }
    loop_bury(l);
}

/* libevent calls this when the output has run empty. */
static void on_write(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;
    struct loop *l = c->door->loop;
    if (c->state == CONN_WRITING && !evbuffer_get_length(bufferevent_get_output(bev))) {
        conn_answered(c);
        guard_run(c);
    }
    loop_bury(l);
}

void conn_run_until(struct conn *c, uint64_t at_us)
{
    conn_deadline(c, c->eof ? MIN(at_us, clock_now_us() + LEFT_GRACE_US) : at_us);
}

/* The client will send nothing more. Mostly it has left, and its request is soon called off; but
 * some tools only stop sending and wait for an answer that is nearly there. */
static void on_end(struct conn *c)
{
    c->eof = true;
    if (c->state == CONN_RUNNING)
        conn_run_until(c, c->deadline_us);
    else if (c->state == CONN_LINGER)
        conn_drop(c);
    else
        guard_run(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct conn *c = arg;
    struct loop *l = c->door->loop;
    UNUSED(bev);
    if (what & BEV_EVENT_ERROR)
        conn_drop(c);
    else if (what & BEV_EVENT_EOF)
        on_end(c);
    loop_bury(l);
}

static void out_of_time(struct conn *c, uint64_t now_us)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    uint64_t later = 0;
    switch (c->state) {
    case CONN_HEAD:
        if (c->since_us) {
            guard_refuse(c, REFUSE_HEAD_SLOW);
            return;
        }
        metric_add(M_REFUSED_IDLE, 1);
        break;
    case CONN_BODY:
        later = c->paused ? now_us + limits_of(c)->body_grace_us + 1 : rate_deadline(c, c->moved);
        if (now_us >= later) {
            guard_refuse(c, REFUSE_BODY_SLOW);
            return;
        }
        break;
    case CONN_RUNNING:
        if (c->eof)
            break;
        request_overdue(c->request, now_us);
        return;
    case CONN_WRITING:
        later = rate_deadline(c, c->moved - evbuffer_get_length(out));
        if (now_us >= later)
            metric_add(M_REFUSED_SLOW, 1);
        break;
    case CONN_LINGER:
        break;
    }
    if (later > now_us)
        conn_deadline(c, later);
    else
        conn_drop(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct conn *c = arg;
    struct loop *l = c->door->loop;
    uint64_t now = clock_now_us();
    UNUSED(fd);
    UNUSED(what);
    c->armed_us = 0;
    if (c->deadline_us && now < c->deadline_us) {
        arm(c, now);
    } else if (c->deadline_us) {
        out_of_time(c, now);
        if (!c->dead)
            guard_run(c);
    }
    loop_bury(l);
}

/* libevhtp is about to free its side. When we asked for it, we know; else we remember. */
static evhtp_res on_lib_free(evhtp_connection_t *lib, void *arg)
{
    struct conn *c = arg;
    UNUSED(lib);
    if (!c->dead)
        c->lost = true;
    return EVHTP_RES_OK;
}

bool conn_new(struct door *d, evhtp_connection_t *lib)
{
    struct loop *l = d->loop;
    struct conn *c = alloc_zero(1, sizeof(*c));
    if (!c)
        return false;
    c->magic = CONN_MAGIC;
    c->door = d;
    c->lib = lib;
    c->bev = evhtp_connection_get_bev(lib);
    if (evhtp_connection_set_hook(lib, evhtp_hook_on_connection_fini, (evhtp_hook)on_lib_free, c)) {
        alloc_free(c);
        return false;
    }
    bufferevent_event_cb lib_event;
    bufferevent_getcb(c->bev, &c->lib_read, &c->lib_write, &lib_event, &c->lib_arg);
    bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
    event_assign(&c->timer, l->base, -1, 0, on_timer, c);
    c->next = l->conns;
    if (l->conns)
        l->conns->prev = c;
    l->conns = c;
    conn_deadline(c, clock_now_us() + limits_of(c)->idle_us);
    return true;
}

void conn_drain(struct conn *c, bool cut)
{
    bool idle = c->state == CONN_HEAD && !c->since_us;
    c->closing = true;
    if (idle || c->state == CONN_LINGER)
        conn_drop(c);
    else if (cut && c->state == CONN_WRITING)
        conn_deadline(c, clock_now_us() + LINGER_US);
    else if (cut && c->state == CONN_RUNNING)
        request_cut(c->request);
    else if (cut)
        guard_refuse(c, REFUSE_DRAINING);
}
