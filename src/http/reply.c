/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Answers are written by us, head and body in one system call where the socket takes it. Every
 * answer carries its own Content-Length, a request id and its timing; HEAD gets no body; no byte
 * below a space ever enters a field. Only what the kernel does not take at once is handed to the
 * bufferevent. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/codes.h"
#include "http/http_priv.h"
#include "metrics/metrics.h"

/* A reply's head being written. All parts are bounded (the longest is the id), so REPLY_HEAD_MAX
 * always suffices. */
struct text {
    char p[REPLY_HEAD_MAX];
    size_t n;
};

static void put(struct text *t, const char *s, size_t n)
{
    ASSERT(n <= sizeof(t->p) - t->n);
    memcpy(t->p + t->n, s, n);
    t->n += n;
}

static void put_str(struct text *t, const char *s)
{
    put(t, s, strlen(s));
}

static void put_number(struct text *t, uint64_t v)
{
    char digits[20];
    size_t i = sizeof(digits);
    do
        digits[--i] = (char)('0' + v % 10);
    while (v /= 10);
    put(t, digits + i, sizeof(digits) - i);
}

/* A value that could carry foreign bytes. */
static void put_field(struct text *t, const char *name, const char *value)
{
    put_str(t, name);
    for (; *value; value++)
        put(t, *value < 0x20 || *value == 0x7f ? "?" : value, 1);
    put(t, "\r\n", 2);
}

/* Milliseconds with three digits behind the point. */
static void put_ms(struct text *t, const char *name, uint64_t us)
{
    char rest[4] = {'.', (char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10),
                    (char)('0' + us % 10)};
    put_str(t, name);
    put_number(t, us / 1000);
    put(t, rest, sizeof(rest));
}

static void put_date(struct text *t, struct loop *l)
{
    uint64_t second = clock_wall_ms() / 1000;
    if (second != l->date_second) {
        time_t at = (time_t)second;
        struct tm tm;
        gmtime_r(&at, &tm);
        if (!strftime(l->date, sizeof(l->date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm))
            l->date[0] = 0;
        l->date_second = second;
    }
    put_str(t, l->date);
}

static void put_timing(struct text *t, const struct reply *r, bool cache)
{
    static const char *const lookups[] = {[LOOKUP_NONE] = "none",
                                          [LOOKUP_HIT] = "hit",
                                          [LOOKUP_MISS] = "miss",
                                          [LOOKUP_JOINED] = "joined"};
    put_ms(t, "Server-Timing: queue;dur=", r->times.queue_us);
    if (cache) {
        put_ms(t, ", fetch;dur=", r->times.fetch_us);
        put_ms(t, ", load;dur=", r->times.load_us);
    }
    put_ms(t, ", infer;dur=", r->times.infer_us);
    put(t, "\r\n", 2);
    if (cache)
        put_field(t, "x-roost-cache: ", lookups[r->lookup]);
}

/* connection: the Connection field's line, or "". */
static void put_head(struct text *t, struct loop *l, const char *connection, const char *id,
                     const struct reply *r)
{
    put_str(t, "HTTP/1.1 ");
    put_number(t, (uint64_t)r->code);
    put_field(t, " ", http_reason(r->code));
    put_date(t, l);
    if (r->type)
        put_field(t, "Content-Type: ", r->type);
    put_str(t, "Content-Length: ");
    put_number(t, r->body.len);
    put(t, "\r\n", 2);
    put_field(t, "x-request-id: ", id);
    put_timing(t, r, l->server->config.cache_headers);
    if (r->version)
        put_field(t, "x-roost-version: ", r->version);
    if (r->allow)
        put_field(t, "Allow: ", r->allow);
    if (r->retry_after_s) {
        put_str(t, "Retry-After: ");
        put_number(t, r->retry_after_s);
        put(t, "\r\n", 2);
    }
    put_str(t, connection);
    put(t, "\r\n", 2);
}

static const char *connection_line(const struct conn *c)
{
    return c->closing ? "Connection: close\r\n" : c->http10 ? "Connection: keep-alive\r\n" : "";
}

void reply_turn_away(struct loop *l, int fd)
{
    static const char words[] = "{\"error\": \"the server takes no more connections just now\"}";
    const struct reply r = {.code = 503,
                            .type = "application/json",
                            .body = {.len = sizeof(words) - 1},
                            .retry_after_s = 1};
    char id[REQUEST_ID_MAX + 1];
    struct text head;
    head.n = 0;
    request_id_make(l, id);
    put_head(&head, l, "Connection: close\r\n", id, &r);
    put(&head, words, sizeof(words) - 1);
    metric_add(M_REFUSED_CONNECTIONS, 1);
    metric_add(M_HTTP_5XX, 1);
    if (send(fd, head.p, head.n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return; /* it has gone already */
}

/* Bytes of head and body the socket took now; -1: it is broken. */
static ssize_t send_now(struct conn *c, const struct text *head, const struct buf *body)
{
    if (evbuffer_get_length(bufferevent_get_output(c->bev)))
        return 0; /* behind what already waits (a 100 Continue) */
    struct iovec v[2] = {{(void *)head->p, head->n}, {body->data, body->len}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = body->len ? 2 : 1};
    ssize_t n;
    do
        n = sendmsg(bufferevent_getfd(c->bev), &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK) ? n : 0;
}

static void free_body(const void *p, size_t n, void *arg)
{
    struct buf *b = arg;
    UNUSED(p);
    UNUSED(n);
    buf_fini(b);
    alloc_free(b);
}

/* Leaves the rest to the bufferevent; the body goes by reference. */
static bool send_later(struct conn *c, const struct text *head, struct buf *body, size_t sent)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    size_t from_head = MIN(sent, head->n), from_body = sent - from_head;
    if (from_head < head->n && evbuffer_add(out, head->p + from_head, head->n - from_head))
        return false;
    if (from_body == body->len)
        return true;
    struct buf *kept = alloc_zero(1, sizeof(*kept));
    if (!kept)
        return false;
    *kept = *body;
    if (evbuffer_add_reference(out, kept->data + from_body, kept->len - from_body, free_body,
                               kept)) {
        alloc_free(kept);
        return false;
    }
    body->data = NULL;
    body->len = body->cap = 0;
    return true;
}

static void send_reply(struct conn *c, const struct text *head, struct buf *body)
{
    size_t total = head->n + body->len;
    ssize_t sent = send_now(c, head, body);
    bool whole = sent == (ssize_t)total;
    bool ok = sent >= 0 && (whole || send_later(c, head, body, (size_t)sent));
    buf_fini(body);
    if (!ok) {
        conn_drop(c);
    } else if (whole) {
        conn_answered(c);
    } else {
        c->state = CONN_WRITING;
        c->since_us = clock_now_us();
        c->moved = total;
        conn_deadline(c, c->since_us + c->door->loop->server->config.limits.body_grace_us);
    }
}

void reply_send(struct conn *c, const char *id, struct reply *reply)
{
    struct text head = {.n = 0};
    int class = reply->code / 100;
    metric_add(class == 2 ? M_HTTP_2XX : class == 4 ? M_HTTP_4XX : M_HTTP_5XX, 1);
    LOG(LOG_DEBUG, "request", log_str("request_id", id), log_num("status", reply->code),
        log_num("reply_bytes", (int64_t)reply->body.len));
    struct server *s = c->door->loop->server;
    c->closing = c->closing || atomic_load(&s->draining) || endpoint_draining(s->endpoint);
    put_head(&head, c->door->loop, connection_line(c), id, reply);
    if (c->head_only)
        buf_fini(&reply->body);
    send_reply(c, &head, &reply->body);
}

void reply_failure(struct conn *c, const char *id, enum status s, const struct err *err,
                   struct reply *reply)
{
    struct http_code code = http_code_of(s);
    size_t words = strlen(err->msg);
    reply->code = code.code;
    reply->type = "application/json";
    if (!reply->retry_after_s)
        reply->retry_after_s = code.retry_after_s;
    if (code.code >= 500)
        LOG(LOG_WARN, "request_failed", log_str("request_id", id), log_num("status", code.code),
            log_str("class", status_name(s)), log_str("error", err->msg));
    struct buf *b = &reply->body;
    if (buf_str(b, "{\"error\": ") != OK || buf_json_str(b, err->msg, words) != OK ||
        buf_char(b, '}') != OK)
        buf_clear(b); /* the code alone must do */
    reply_send(c, id, reply);
}
