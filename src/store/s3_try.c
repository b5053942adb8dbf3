/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One request, sent once. The answer's head is held against what was asked before a byte of its
 * body is taken, no more is taken than was asked for, and a try ends when its time is over or no
 * byte came for a while. What went wrong is sorted by whether the same request may go well later.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/clock.h"
#include "store/s3_transfer.h"

enum { URL_MAX = 16 + S3_HOST_MAX + 4 * S3_PATH_MAX };

static bool lies(struct transfer *t, const char *what)
{
    t->stop = STOP_LIE;
    t->lie = what;
    return false;
}

/* Bytes of the whole object, as the answer says; UINT64_MAX: it does not. */
static uint64_t total_of(const struct s3_answer *a)
{
    if (a->http == 200)
        return a->has_length ? a->length : UINT64_MAX;
    return a->has_range ? a->total : UINT64_MAX;
}

/* A range of an object: is it the one that was asked for, of the object that is meant? The first
 * answer to an open-ended read says how long that is. */
static bool judge_range(struct transfer *t)
{
    struct s3_request *r = t->r;
    const struct s3_answer *a = t->a;
    const bool open = r->open_ended && !*r->tag;
    const uint64_t total = total_of(a);
    const size_t n = open ? (size_t)MIN((uint64_t)r->n, total) : r->n;
    uint64_t first = r->off + r->got, last = r->off + n - 1;
    if (!*a->tag)
        return lies(t, "no ETag that can be used");
    if (*r->tag && strcmp(r->tag, a->tag) != 0) {
        t->stop = STOP_CHANGED;
        return false;
    }
    if (open && total == UINT64_MAX)
        return lies(t, "no length");
    bool whole = a->http == 200; /* the range was passed over: good if it is the object */
    if (whole && (first != 0 || !a->has_length || a->length != n))
        return lies(t, "not the range that was asked for");
    if (!whole && (!a->has_range || a->first != first || a->last > last))
        return lies(t, "another range than asked for");
    if (!whole && a->last < last) {
        t->stop = STOP_SHORT;
        return a->total == a->last + 1 ? false : lies(t, "less than asked for");
    }
    if (!whole && a->has_length && a->length != a->last - a->first + 1)
        return lies(t, "a length that is not its range's");
    memcpy(r->tag, a->tag, sizeof(r->tag));
    r->n = n;
    r->total = open ? total : r->total;
    return true;
}

static bool is_error(const struct s3_answer *a)
{
    return a->http < 200 || a->http > 299;
}

static bool judge(struct transfer *t)
{
    struct s3_answer *a = t->a;
    t->judged = true;
    t->s->c->easy_getinfo(t->h, CURLINFO_RESPONSE_CODE, &a->http);
    if (is_error(a))
        return true;
    switch (t->r->kind) {
    case S3_READ:
        return judge_range(t);
    case S3_STAT:
        return (*a->tag && a->has_length) || lies(t, "no length, or no ETag that can be used");
    case S3_PUT:
    case S3_PART:
        return *a->tag || lies(t, "no ETag that can be used");
    default:
        return true;
    }
}

static size_t take_error(struct transfer *t, const char *p, size_t n)
{
    size_t room = sizeof(t->error) - MIN(t->error_bytes, sizeof(t->error));
    memcpy(t->error + t->error_bytes, p, MIN(n, room));
    t->error_bytes += MIN(n, room);
    return n <= room ? n : 0; /* the rest is not waited for */
}

static size_t on_body(char *p, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    struct s3_request *r = t->r;
    size_t n = size * count;
    metric_add(M_S3_RECEIVED, n);
    if (!t->judged && !judge(t))
        return 0;
    if (is_error(t->a))
        return take_error(t, p, n);
    if (r->body)
        return buf_add(r->body, p, n) == OK ? n : lies(t, "a page without end");
    if (s3_writes(r)) /* nothing is expected */
        return take_error(t, p, n) ? n : lies(t, "words without end");
    if (r->kind != S3_READ || n > r->n - r->got)
        return lies(t, "more than asked for");
    memcpy(r->dst + r->got, p, n);
    r->got += n;
    return n;
}

static size_t on_header(char *p, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t n = size * count;
    t->head_bytes += n;
    if (t->head_bytes > S3_HEAD_BYTES_MAX)
        return lies(t, "a head without end");
    s3_header(t->a, p, n);
    return n;
}

/* Called by libcurl when something moved, and about once a second. */
static int on_progress(void *arg, curl_off_t want, curl_off_t got, curl_off_t up_want,
                       curl_off_t up_got)
{
    struct transfer *t = arg;
    uint64_t now_us = clock_now_us();
    UNUSED(want);
    UNUSED(up_want);
    if (got + up_got != t->moved_bytes) {
        t->moved_bytes = got + up_got;
        t->moved_us = now_us;
    }
    if (atomic_load(&t->s->stopping))
        t->stop = STOP_TOLD;
    else if (now_us >= t->r->until_us)
        t->stop = STOP_TIME;
    else if (now_us - t->moved_us >= t->s->o.stall_us)
        t->stop = STOP_STALLED;
    else
        return 0;
    return 1;
}

static CURLcode set_callbacks(struct transfer *t)
{
    __typeof__(t->s->c->easy_setopt) set = t->s->c->easy_setopt;
    CURLcode e = set(t->h, CURLOPT_WRITEFUNCTION, on_body);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_WRITEDATA, t);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_HEADERFUNCTION, on_header);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_HEADERDATA, t);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_XFERINFOFUNCTION, on_progress);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_XFERINFODATA, t);
    return e == CURLE_OK ? set(t->h, CURLOPT_NOPROGRESS, 0L) : e;
}

/* Takes the code of an error's document, when there was one. */
static void read_error(struct transfer *t)
{
    if (t->error_bytes)
        s3_xml_error(t->error, t->error_bytes, t->a->code);
}

static enum s3_fate again(struct s3_answer *a, enum metric why)
{
    a->why = why;
    return S3_AGAIN;
}

static enum s3_fate final(struct s3_answer *a, enum metric why)
{
    a->why = why;
    return S3_FINAL;
}

/* The transfer was ended by us. */
static enum s3_fate after_stop(struct transfer *t, struct err *err)
{
    struct s3_request *r = t->r;
    const char *url = t->s->store.url;
    switch (t->stop) {
    case STOP_CHANGED:
        err_fill(err, E_CHANGED, "'%.80s' in %.80s changed while it was read", r->what, url);
        return final(t->a, M_S3_CHANGED);
    case STOP_SHORT:
        err_fill(err, E_STORE,
                 "'%.60s' in %.60s holds %" PRIu64 " bytes, %zu are wanted from %" PRIu64, r->what,
                 url, t->a->total, r->n, r->off);
        return final(t->a, M_S3_REFUSED);
    case STOP_TOLD:
        err_fill(err, E_CANCELLED, "'%.80s': the store is closed", r->what);
        return S3_FINAL;
    case STOP_TIME:
        err_fill(err, E_STORE, "'%.60s' in %.60s: not done in its time", r->what, url);
        return again(t->a, M_S3_RETRY_STALLED);
    case STOP_SOURCE:
        err_fill(err, E_IO, "what is to be stored as '%.80s' cannot be read any more", r->what);
        return S3_FINAL;
    case STOP_LIE:
        r->got = t->began; /* nothing of it is believed */
        err_fill(err, E_STORE, "'%.60s' in %.60s: the store's answer holds %s", r->what, url,
                 t->lie);
        return again(t->a, M_S3_RETRY_PROTOCOL);
    default:
        err_fill(err, E_STORE, "'%.60s' in %.60s: no byte came for %" PRIu64 " ms", r->what, url,
                 (clock_now_us() - t->moved_us) / 1000);
        return again(t->a, M_S3_RETRY_STALLED);
    }
}

/* libcurl could not bring it to an end. */
static enum s3_fate after_curl(struct transfer *t, CURLcode e, struct err *err)
{
    const char *words = t->s->c->easy_strerror(e);
    err_fill(err, E_STORE, "'%.60s' in %.60s: %s", t->r->what, t->s->store.url, words);
    switch (e) {
    case CURLE_OUT_OF_MEMORY:
        err_fill(err, E_NO_MEMORY, "'%.120s': out of memory", t->r->what);
        return S3_FINAL;
    case CURLE_PARTIAL_FILE:
        return again(t->a, M_S3_RETRY_TRUNCATED);
    case CURLE_OPERATION_TIMEDOUT:
        return again(t->a, M_S3_RETRY_STALLED);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
        return final(t->a, M_S3_REFUSED);
    case CURLE_UNSUPPORTED_PROTOCOL: /* what came was no HTTP/1 */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        t->r->got = t->began;
        return again(t->a, M_S3_RETRY_PROTOCOL);
    default:
        return again(t->a, M_S3_RETRY_CONNECTION);
    }
}

static void fail(const struct transfer *t, const char *words, struct err *err)
{
    const struct s3_answer *a = t->a;
    err_fill(err, E_STORE, "'%.60s' in %.60s: %s (HTTP %ld%s%s%s%s)", t->r->what, t->s->store.url,
             words, a->http, *a->code ? " " : "", a->code, *a->region ? "; the bucket is in " : "",
             a->region);
}

/* Did other bytes arrive than were sent, or too few? */
static bool is_damaged(const struct s3_answer *a)
{
    static const char *const codes[] = {"BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody",
                                        "RequestTimeout"};
    bool found = false;
    for (size_t i = 0; a->http == 400 && i < ARRAY_COUNT(codes); i++)
        found |= strcmp(a->code, codes[i]) == 0;
    return found;
}

static enum s3_fate exists(const struct transfer *t, struct err *err)
{
    err_fill(err, E_EXISTS, "'%.120s' is in the store already", t->r->what);
    return S3_FINAL;
}

/* What is particular to requests that write. S3_DONE: nothing. */
static enum s3_fate after_write(struct transfer *t, struct err *err)
{
    struct s3_answer *a = t->a;
    const bool fresh = t->r->fresh;
    if (fresh && a->http == 412)
        return exists(t, err);
    if (fresh && a->http == 501) {
        err_fill(err, E_UNSUPPORTED, "%.80s takes no writes under a condition", t->s->store.url);
        return S3_FINAL;
    }
    if (a->http == 409) { /* others write it now */
        fail(t, "the store is not available", err);
        return again(a, M_S3_RETRY_STATUS);
    }
    if (is_damaged(a)) {
        fail(t, "what was sent did not arrive", err);
        return again(a, M_S3_RETRY_PROTOCOL);
    }
    return S3_DONE;
}

static bool is_absent(const struct transfer *t)
{
    const enum s3_kind kind = t->r->kind;
    return t->a->http == 404 && kind != S3_PUT && kind != S3_BEGIN && kind != S3_PART &&
           strcmp(t->a->code, "NoSuchBucket") != 0;
}

/* An answer that is none of 2xx. */
static enum s3_fate after_status(struct transfer *t, struct err *err)
{
    struct s3_answer *a = t->a;
    bool slow = a->http == 429 || a->http == 503 || strcmp(a->code, "SlowDown") == 0;
    enum s3_fate fate = s3_writes(t->r) ? after_write(t, err) : S3_DONE;
    if (fate != S3_DONE)
        return fate;
    if (is_absent(t)) {
        err_fill(err, E_NOT_FOUND, "'%.120s' is not in the store", t->r->what);
        return S3_FINAL;
    }
    if (a->http == 412) {
        t->stop = STOP_CHANGED;
        return after_stop(t, err);
    }
    if (slow || (a->http >= 500 && a->http != 501)) {
        fail(t, "the store is not available", err);
        return again(a, slow ? M_S3_RETRY_SLOW : M_S3_RETRY_STATUS);
    }
    if (a->http == 416 && a->has_range && a->first > a->last) {
        t->stop = STOP_SHORT;
        return after_stop(t, err);
    }
    bool denied = a->http == 400 || a->http == 401 || a->http == 403;
    bool bucket = a->http == 404 && strcmp(a->code, "NoSuchBucket") == 0;
    fail(t, bucket ? "there is no such bucket" : denied ? "denied" : "refused", err);
    a->why = denied ? M_S3_DENIED : M_S3_REFUSED;
    return denied ? S3_WHO : S3_FINAL;
}

/* A 2xx that may still say no: its head is sent before what was asked for is done. */
static enum s3_fate after_words(struct transfer *t, struct err *err)
{
    struct s3_request *r = t->r;
    const char *xml = r->body ? (const char *)r->body->data : t->error;
    size_t n = r->body ? r->body->len : t->error_bytes;
    s3_xml_error(xml, n, t->a->code);
    if (*t->a->code) {
        if (r->fresh && strcmp(t->a->code, "PreconditionFailed") == 0)
            return exists(t, err);
        fail(t, "the store is not available", err);
        return again(t->a, M_S3_RETRY_STATUS);
    }
    if ((r->kind == S3_BEGIN && !s3_xml_begun(xml, n, r->upload)) ||
        (r->kind == S3_END && !s3_xml_ended(xml, n))) {
        lies(t, "no words that belong to it");
        return after_stop(t, err);
    }
    return S3_DONE;
}

static enum s3_fate after_all(struct transfer *t, CURLcode e, struct err *err)
{
    struct s3_request *r = t->r;
    if (e == CURLE_OK && !t->judged && !judge(t))
        return after_stop(t, err); /* an answer without a body */
    read_error(t);
    bool failed = t->judged && is_error(t->a);
    if (failed && t->stop == STOP_NONE)
        return after_status(t, err);
    if (t->stop != STOP_NONE)
        return after_stop(t, err);
    if (e != CURLE_OK)
        return after_curl(t, e, err);
    if (r->kind == S3_READ && r->got < r->n) {
        err_fill(err, E_STORE, "'%.60s' in %.60s: the answer ends %zu bytes too soon", r->what,
                 t->s->store.url, r->n - r->got);
        return again(t->a, M_S3_RETRY_TRUNCATED);
    }
    return s3_writes(r) ? after_words(t, err) : S3_DONE;
}

/* A connection that rested, or a new one. */
static CURL *take_handle(struct s3_store *s)
{
    CURL *h = NULL;
    lock_take(&s->lock);
    if (s->n_idle)
        h = s->idle[--s->n_idle];
    lock_release(&s->lock);
    return h ? h : s->c->easy_init();
}

static void give_handle(struct s3_store *s, CURL *h)
{
    s->c->easy_reset(h); /* the connection stays; headers and callbacks of ours do not */
    lock_take(&s->lock);
    bool kept = s->n_idle < S3_IDLE_MAX;
    if (kept)
        s->idle[s->n_idle++] = h;
    lock_release(&s->lock);
    if (!kept)
        s->c->easy_cleanup(h);
}

static enum s3_fate perform(struct transfer *t, const struct credentials *who, char *url,
                            struct err *err)
{
    const struct s3_request *r = t->r;
    struct curl_slist *headers = s3_headers(t, who, err);
    if (!headers)
        return S3_FINAL;
    snprintf(url, URL_MAX, "%s://%s%s%s%s", t->s->scheme, t->s->host, r->path,
             r->query.len ? "?" : "", r->query.len ? (const char *)r->query.data : "");
    CURLcode e = s3_options(t, url, headers);
    if (e == CURLE_OK)
        e = set_callbacks(t);
    if (e == CURLE_OK)
        e = t->s->c->easy_perform(t->h);
    enum s3_fate fate = after_all(t, e, err);
    t->s->c->easy_setopt(t->h, CURLOPT_HTTPHEADER, NULL);
    t->s->c->slist_free_all(headers);
    return fate;
}

enum s3_fate s3_try(struct s3_store *s, struct s3_request *r, const struct credentials *who,
                    struct s3_answer *a, struct err *err)
{
    struct transfer *t = alloc_zero(1, sizeof(*t));
    char *url = alloc_new(URL_MAX);
    CURL *h = t && url ? take_handle(s) : NULL;
    enum s3_fate fate = S3_FINAL;
    *a = (struct s3_answer){.why = METRIC_COUNT};
    metric_add(M_S3_STAT + (enum metric)r->kind, 1);
    r->sent++;
    if (h) {
        *t = (struct transfer){
            .s = s, .r = r, .a = a, .h = h, .began = r->got, .moved_us = clock_now_us()};
        fate = perform(t, who, url, err);
        give_handle(s, h);
    } else {
        err_fill(err, E_NO_MEMORY, "'%.120s': out of memory", r->what);
    }
    alloc_free(url);
    alloc_free(t);
    return fate;
}
