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
#include "store/s3_priv.h"

enum {
    CONNECT_MS_MAX = 5000,
    RECEIVE_BYTES = 256 * 1024,
    URL_MAX = 16 + S3_HOST_MAX + 4 * S3_PATH_MAX
};

/* What ended a transfer from our side. */
enum stop { STOP_NONE, STOP_LIE, STOP_CHANGED, STOP_SHORT, STOP_STALLED, STOP_TIME, STOP_TOLD };

struct transfer {
    struct s3_store *s;
    struct s3_request *r;
    struct s3_answer *a;
    CURL *h;
    size_t began;       /* r->got before it */
    size_t head_bytes;  /* of headers so far */
    size_t error_bytes; /* of an error's document, kept or not */
    char error[S3_ERROR_BYTES_MAX];
    uint64_t moved_us;      /* when the last byte came */
    curl_off_t moved_bytes; /* and how many there were */
    enum stop stop;
    const char *lie; /* for STOP_LIE: what about */
    bool judged;     /* the head was held against the request */
};

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
    if (is_error(a) || t->r->kind == S3_LIST)
        return true;
    if (t->r->kind == S3_READ)
        return judge_range(t);
    return (*a->tag && a->has_length) || lies(t, "no length, or no ETag that can be used");
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
    if (r->kind == S3_LIST)
        return buf_add(r->body, p, n) == OK ? n : lies(t, "a page without end");
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
    UNUSED(up_got);
    if (got != t->moved_bytes) {
        t->moved_bytes = got;
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

/* Appends "name: value"; false when memory is out. */
static bool add(const struct s3_store *s, struct curl_slist **list, const char *name,
                const char *value)
{
    char line[CREDENTIALS_TOKEN_MAX + 64];
    snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *longer = s->c->slist_append(*list, line);
    explicit_bzero(line, sizeof(line));
    if (longer)
        *list = longer;
    return longer != NULL;
}

static bool add_range(const struct s3_store *s, struct curl_slist **list,
                      const struct s3_request *r)
{
    char text[STORE_TAG_MAX + 64];
    if (r->kind != S3_READ)
        return true;
    snprintf(text, sizeof(text), "bytes=%" PRIu64 "-%" PRIu64, r->off + r->got, r->off + r->n - 1);
    if (!add(s, list, "Range", text))
        return false;
    snprintf(text, sizeof(text), "\"%s\"", r->tag);
    return !*r->tag || add(s, list, "If-Match", text);
}

static const char *method_of(const struct s3_request *r)
{
    return r->kind == S3_STAT ? "HEAD" : "GET";
}

/* The signed headers; NULL with err set. */
static struct curl_slist *headers_of(const struct transfer *t, const struct credentials *who,
                                     struct err *err)
{
    const struct s3_store *s = t->s;
    const struct s3_request *r = t->r;
    struct sigv4_signature sig;
    struct curl_slist *list = NULL;
    const struct sigv4_request sign = {.method = method_of(r),
                                       .host = s->host,
                                       .path = r->path,
                                       .query = r->query.len ? (const char *)r->query.data : "",
                                       .region = s->region,
                                       .who = who,
                                       .now_s = clock_wall_ms() / 1000};
    if (sigv4_sign(&sign, &sig, err) != OK)
        return NULL;
    bool good = add(s, &list, "Host", s->host) &&
                add(s, &list, "x-amz-content-sha256", SIGV4_EMPTY_SHA256) &&
                add(s, &list, "x-amz-date", sig.date) &&
                (!*who->token || add(s, &list, "x-amz-security-token", who->token)) &&
                add(s, &list, "Authorization", sig.authorization) && add_range(s, &list, r);
    if (good)
        return list;
    s->c->slist_free_all(list);
    err_fill(err, E_NO_MEMORY, "'%.120s': out of memory", r->what);
    return NULL;
}

static CURLcode set_times(const struct transfer *t)
{
    __typeof__(t->s->c->easy_setopt) set = t->s->c->easy_setopt;
    uint64_t now_us = clock_now_us(), until_us = t->r->until_us;
    uint64_t left_ms = until_us > now_us ? (until_us - now_us) / 1000 + 1 : 1;
    uint64_t stall_ms = t->s->o.stall_us / 1000 + 1;
    CURLcode e = set(t->h, CURLOPT_TIMEOUT_MS, (long)MIN(left_ms, (uint64_t)INT32_MAX));
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_CONNECTTIMEOUT_MS, (long)MIN(stall_ms, (uint64_t)CONNECT_MS_MAX));
    return e;
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

/* Every option that keeps us safe is set or the request is not sent. */
static CURLcode set_up(struct transfer *t, const char *url, struct curl_slist *headers)
{
    __typeof__(t->s->c->easy_setopt) set = t->s->c->easy_setopt;
    CURLcode e = set(t->h, CURLOPT_URL, url);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_PATH_AS_IS, 1L);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_HTTPHEADER, headers);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_PROTOCOLS_STR, t->s->scheme);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_FOLLOWLOCATION, 0L);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_NOSIGNAL, 1L);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_OPENSOCKETFUNCTION, curl_door_socket);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    if (e == CURLE_OK && t->r->kind == S3_STAT)
        e = set(t->h, CURLOPT_NOBODY, 1L);
    if (e == CURLE_OK && *t->s->ca)
        e = set(t->h, CURLOPT_CAPATH,
                NULL); /* this file's authorities, not the machine's as well */
    if (e == CURLE_OK && *t->s->ca)
        e = set(t->h, CURLOPT_CAINFO, t->s->ca);
    if (e == CURLE_OK)
        e = set_times(t);
    return e == CURLE_OK ? set_callbacks(t) : e;
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
        err_fill(err, E_STORE, "'%.80s' in %.80s changed while it was read", r->what, url);
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

/* An answer that is none of 2xx. */
static enum s3_fate after_status(struct transfer *t, struct err *err)
{
    struct s3_answer *a = t->a;
    bool slow = a->http == 429 || a->http == 503 || strcmp(a->code, "SlowDown") == 0;
    if (a->http == 404 && strcmp(a->code, "NoSuchBucket") != 0) {
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
    fail(t, a->http == 404 ? "there is no such bucket" : denied ? "denied" : "refused", err);
    a->why = denied ? M_S3_DENIED : M_S3_REFUSED;
    return denied ? S3_WHO : S3_FINAL;
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
    return S3_DONE;
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
    struct curl_slist *headers = headers_of(t, who, err);
    if (!headers)
        return S3_FINAL;
    snprintf(url, URL_MAX, "%s://%s%s%s%s", t->s->scheme, t->s->host, r->path,
             r->query.len ? "?" : "", r->query.len ? (const char *)r->query.data : "");
    CURLcode e = set_up(t, url, headers);
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
