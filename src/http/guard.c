/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The guard: everything a client sends is read here, and nothing goes on unproved. A head is
 * collected whole and checked; its route, its types and its size are judged before a byte of the
 * body is read; the body is drained as it comes into memory that --http-memory pays for; then
 * libevhtp is fed a head of our own making, and the route is served. */
#include <string.h>

#include "base/clock.h"
#include "http/http_priv.h"
#include "http/listen.h"
#include "metrics/metrics.h"

static const struct http_limits *limits_of(const struct conn *c)
{
    return &c->door->loop->server->config.limits;
}

static void count(enum refusal why)
{
    int code = refusal_code(why);
    if (why == REFUSE_TENANT_BYTES)
        metric_add(M_REFUSED_TENANT_PUBLISH, 1);
    else if (code == 431)
        metric_add(M_REFUSED_HEAD, 1);
    else if (code == 413)
        metric_add(M_REFUSED_BODY, 1);
    else if (code == 408)
        metric_add(M_REFUSED_SLOW, 1);
    else if (why == REFUSE_MEMORY)
        metric_add(M_REFUSED_HTTP_MEMORY, 1);
}

void guard_refuse(struct conn *c, enum refusal why)
{
    char made[REQUEST_ID_MAX + 1];
    struct request *r = c->request;
    struct reply reply = {.code = refusal_code(why), .type = "application/json"};
    count(why);
    if (!r) {
        request_id_make(c->door->loop, made);
    } else if (r->in_endpoint) { /* an upload: its step goes on without us */
        memcpy(made, r->id, sizeof(made));
        c->request = NULL;
        request_detach(r, E_CANCELLED);
        r = NULL;
    }
    if (reply.code == 503)
        reply.retry_after_s = 1;
    /* An answer without words is still an answer. */
    if (buf_printf(&reply.body, "{\"error\": \"%s\"}", refusal_text(why)) != OK)
        buf_clear(&reply.body);
    c->closing = c->linger = true;
    reply_send(c, r ? r->id : made, &reply);
}

/* Drops empty lines before a request line. False when more bytes must come first. */
static bool skip_blank_lines(struct conn *c, struct evbuffer *in)
{
    char two[2];
    while (evbuffer_copyout(in, two, 2) == 2 && two[0] == '\r' && two[1] == '\n' &&
           c->blanks < BLANK_LINES_MAX) {
        evbuffer_drain(in, 2);
        c->blanks++;
    }
    size_t n = evbuffer_get_length(in);
    return n > 1 || (n == 1 && two[0] != '\r');
}

/* May this request be served under this Host? Management refuses names that a hostile page could
 * have pointed at us: only addresses, localhost and the configured name pass. */
static enum refusal check_origin(const struct conn *c, const struct head *h, enum route route)
{
    const struct server *s = c->door->loop->server;
    struct span host = h->field[FIELD_HOST], origin = h->field[FIELD_ORIGIN];
    if (s->config.insecure_admin || !route_is_management(route))
        return REFUSE_NOTHING;
    if (host.p && !listen_host_allowed(host, s->admin_host))
        return REFUSE_HOST_NAME;
    if (!origin.p)
        return REFUSE_NOTHING;
    if (!host.p || !span_starts(origin, "http://") || origin.n != host.n + 7 ||
        memcmp(origin.p + 7, host.p, host.n) != 0)
        return REFUSE_ORIGIN;
    return REFUSE_NOTHING;
}

/* Route, types and options. What is wrong stays in r->status, to be answered once the body is out
 * of the way. */
static enum refusal judge(struct conn *c, struct request *r, const struct head *h)
{
    struct routed routed;
    r->status = route_match(h->path, h->method, c->door->roles, &routed, &r->err);
    r->allow = routed.allow;
    if (r->status != OK)
        return REFUSE_NOTHING;
    r->route = routed.route;
    r->version = routed.version;
    enum refusal why = check_origin(c, h, r->route);
    if (why != REFUSE_NOTHING)
        return why;
    if (r->route == ROUTE_INVOKE) {
        memcpy(r->invocation.model, routed.model, sizeof(routed.model));
        r->status = invoke_prepare(r, h, &r->err);
    } else {
        memcpy(r->call.model, routed.model, sizeof(routed.model));
        r->status = manage_prepare(r, h, &r->err);
    }
    return REFUSE_NOTHING;
}

static uint64_t body_limit(const struct conn *c)
{
    const struct request *r = c->request;
    if (r->status != OK || !route_takes_body(r->route))
        return DISCARD_MAX;
    if (r->route == ROUTE_PUBLISH)
        return MIN(limits_of(c)->upload_bytes, r->publish->bytes_max);
    return r->route == ROUTE_INVOKE ? limits_of(c)->body_bytes : SMALL_BODY_MAX;
}

/* The words for a body beyond its limit. */
static enum refusal too_large(const struct conn *c)
{
    const struct request *r = c->request;
    if (r->status != OK || r->route != ROUTE_PUBLISH)
        return REFUSE_BODY_BYTES;
    return r->publish->bytes_max < limits_of(c)->upload_bytes ? REFUSE_TENANT_BYTES
                                                              : REFUSE_UPLOAD_BYTES;
}

/* Bytes of the body that may be taken before it must be handed on: an upload never stands whole in
 * memory. */
static size_t body_room(const struct conn *c)
{
    const struct request *r = c->request;
    bool upload = !c->discard && r->status == OK && r->route == ROUTE_PUBLISH;
    return upload ? PUBLISH_CHUNK_BYTES - r->body.len : SIZE_MAX;
}

/* The request is whole. */
static void serve(struct conn *c)
{
    struct request *r = c->request;
    char path[MODEL_NAME_MAX + 32];
    c->state = CONN_RUNNING;
    r->received_us = clock_now_us();
    if (r->status != OK) {
        struct reply reply = {.allow = r->allow};
        reply_failure(c, r->id, r->status, &r->err, &reply);
        return;
    }
    route_path(r->route, r->route == ROUTE_INVOKE ? r->invocation.model : r->call.model, path,
               sizeof(path));
    if (!feed_head(c, r->method, path)) {
        conn_drop(c); /* libevhtp is out of memory */
        return;
    }
    if (r->route == ROUTE_INVOKE)
        invoke_serve(r);
    else
        manage_serve(r);
}

/* The head is good and its bytes are drained: read the body, or serve at once. */
static void begin_body(struct conn *c, const struct head *h)
{
    struct request *r = c->request;
    uint64_t limit = body_limit(c);
    bool body = h->chunked || h->length;
    c->discard = body && (r->status != OK || !route_takes_body(r->route));
    if (!body) {
        serve(c);
    } else if (r->status != OK && (h->expect_continue || h->chunked || h->length > limit)) {
        /* Not worth reading: answer now, and close since the body stands in the way. */
        c->closing = c->linger = true;
        serve(c);
    } else if (h->length > limit) {
        guard_refuse(c, too_large(c));
    } else {
        if (h->expect_continue && !evbuffer_get_length(bufferevent_get_input(c->bev))) {
            static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
            bufferevent_write(c->bev, go_on, sizeof(go_on) - 1);
            metric_add(M_HTTP_1XX, 1);
        }
        c->state = CONN_BODY;
        c->since_us = clock_now_us();
        c->chunked_body = h->chunked;
        c->body_left = h->length;
        c->moved = 0;
        chunked_init(&c->chunked, limit);
        r->body.max = h->chunked ? limit : h->length;
        if (body_room(c) != SIZE_MAX)
            r->body.max = PUBLISH_CHUNK_BYTES;
        conn_deadline(c, c->since_us + limits_of(c)->body_grace_us);
    }
}

/* One proved head. h borrows from the input, which is drained here. */
static void take_head(struct conn *c, struct evbuffer *in, const char *p)
{
    struct head h;
    enum refusal why = head_parse(p, c->scan.at, &h);
    c->head_only = why == REFUSE_NOTHING && h.method == METHOD_HEAD;
    if (why == REFUSE_NOTHING) {
        c->http10 = h.minor == 0;
        c->keep_alive = h.keep_alive;
        c->closing = c->closing || !h.keep_alive;
        c->request = request_take(c, &h);
        why = c->request ? judge(c, c->request, &h) : REFUSE_MEMORY;
    }
    evbuffer_drain(in, c->scan.at);
    if (why != REFUSE_NOTHING)
        guard_refuse(c, why);
    else
        begin_body(c, &h);
}

/* True when there may be more to do with the bytes at hand. */
static bool read_head(struct conn *c)
{
    const struct http_limits *m = limits_of(c);
    struct evbuffer *in = bufferevent_get_input(c->bev);
    enum refusal why;
    if (!skip_blank_lines(c, in))
        return false;
    size_t n = MIN(evbuffer_get_length(in), (size_t)m->head_bytes + 1);
    const char *p = (const char *)evbuffer_pullup(in, (ev_ssize_t)n);
    if (!p) {
        conn_drop(c);
        return false;
    }
    switch (head_find(&c->scan, p, n, m->head_bytes, m->head_count, &why)) {
    case HEAD_WHOLE:
        take_head(c, in, p);
        return true;
    case HEAD_BAD:
        guard_refuse(c, why);
        return false;
    case HEAD_MORE:
        break;
    }
    if (!c->since_us) {
        c->since_us = clock_now_us();
        conn_deadline(c, c->since_us + m->head_us);
    }
    return false;
}

/* Moves n bytes of the input to the body. */
static enum refusal take_bytes(struct conn *c, struct evbuffer *in, size_t n)
{
    struct buf *b = &c->request->body;
    c->moved += n;
    if (c->discard) {
        evbuffer_drain(in, n);
        return REFUSE_NOTHING;
    }
    enum status s = buf_reserve(b, n);
    if (s != OK)
        return s == E_TOO_LARGE ? REFUSE_BODY_BYTES : REFUSE_MEMORY;
    evbuffer_remove(in, b->data + b->len, n);
    b->len += n;
    return REFUSE_NOTHING;
}

static enum refusal take_chunks(struct conn *c, struct evbuffer *in, bool *whole)
{
    struct evbuffer_iovec v;
    while (evbuffer_peek(in, -1, NULL, &v, 1) > 0 && v.iov_len) {
        size_t used, data, n = MIN(v.iov_len, body_room(c));
        if (!n)
            break;
        enum chunk_step step = chunked_next(&c->chunked, v.iov_base, n, &used, &data);
        evbuffer_drain(in, used);
        if (step == CHUNK_BAD)
            return REFUSE_CHUNK;
        if (step == CHUNK_TOO_LARGE)
            return too_large(c);
        *whole = step == CHUNK_END;
        enum refusal why = step == CHUNK_DATA ? take_bytes(c, in, data) : REFUSE_NOTHING;
        if (why != REFUSE_NOTHING || *whole)
            return why;
    }
    return REFUSE_NOTHING;
}

/* An upload's chunk is full. False when it has to wait for the one before: then nothing is read. */
static bool make_room(struct conn *c)
{
    if (publish_chunk(c->request))
        return true;
    c->paused = true;
    c->paused_us = clock_now_us();
    bufferevent_disable(c->bev, EV_READ);
    return false;
}

void guard_resume(struct conn *c)
{
    if (!c->paused)
        return;
    c->paused = false;
    c->since_us += clock_now_us() - c->paused_us;
    bufferevent_enable(c->bev, EV_READ);
}

static bool read_body(struct conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    enum refusal why = REFUSE_NOTHING;
    bool whole = false;
    if (c->paused || (!body_room(c) && !make_room(c)))
        return false;
    if (c->chunked_body) {
        why = take_chunks(c, in, &whole);
    } else {
        size_t n = MIN(MIN(evbuffer_get_length(in), c->body_left), body_room(c));
        c->body_left -= n;
        whole = !c->body_left;
        if (n)
            why = take_bytes(c, in, n);
    }
    if (why != REFUSE_NOTHING)
        guard_refuse(c, why);
    else if (whole)
        serve(c);
    return why == REFUSE_NOTHING && (whole || !body_room(c));
}

void guard_run(struct conn *c)
{
    bool more = true;
    while (more && !c->dead)
        more = c->state == CONN_HEAD ? read_head(c) : c->state == CONN_BODY ? read_body(c) : false;
    if (c->dead || !c->eof || c->state > CONN_BODY || c->paused)
        return;
    if (c->state == CONN_HEAD && !evbuffer_get_length(bufferevent_get_input(c->bev)))
        conn_drop(c);
    else
        guard_refuse(c, REFUSE_SHORT);
}
