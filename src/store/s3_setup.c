/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* From a request to a transfer: its headers, its options, and the bytes that it sends. Those are
 * hashed before and the hash is signed, so that a store never takes other bytes for them; they are
 * read again for each try. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "store/s3_transfer.h"

enum {
    CONNECT_MS_MAX = 5000,
    RECEIVE_BYTES = 256 * 1024,
    SEND_BYTES = 256 * 1024,
    HASH_BYTES = 1024 * 1024,
    ASKED_BYTES = 1024 * 1024
};

/* ---- what is sent ---- */

/* Bytes of the source from off on, as many as come at once; 0 or less: none can be read. */
static ssize_t read_some(const struct store_source *from, uint64_t off, void *to, size_t n)
{
    ssize_t got;
    if (from->bytes) {
        memcpy(to, (const uint8_t *)from->bytes + off, n);
        return (ssize_t)n;
    }
    do
        got = pread(from->fd, to, n, (off_t)off);
    while (got < 0 && errno == EINTR);
    return got;
}

/* By chunks of `chunk`. */
static enum status hash_all(const struct s3_request *r, struct sha256 *h, uint8_t *chunk,
                            struct err *err)
{
    for (size_t done = 0; done < r->n;) {
        ssize_t got =
            read_some(r->from, r->off + done, chunk, MIN(r->n - done, (size_t)HASH_BYTES));
        if (got <= 0)
            return err_set(err, E_IO, "what is to be stored cannot be read at byte %" PRIu64 ": %s",
                           r->off + done, got ? strerrordesc_np(errno) : "it ends there");
        sha256_add(h, chunk, (size_t)got);
        done += (size_t)got;
    }
    return OK;
}

enum status s3_hash_body(struct s3_request *r, struct err *err)
{
    uint8_t digest[SHA256_BYTES], *chunk = alloc_new(HASH_BYTES);
    struct sha256 h;
    enum status s = chunk ? sha256_init(&h) : E_NO_MEMORY;
    if (s != OK) {
        alloc_free(chunk);
        return err_set(err, s, "no memory to store '%.120s'", r->what);
    }
    s = hash_all(r, &h, chunk, err);
    sha256_end(&h, digest);
    sha256_hex(digest, r->payload);
    alloc_free(chunk);
    return s;
}

static size_t on_send(char *to, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    const struct s3_request *r = t->r;
    size_t n = MIN(size * count, r->n - t->sent);
    ssize_t got = n ? read_some(r->from, r->off + t->sent, to, n) : 0;
    if (n && got <= 0) {
        t->stop = STOP_SOURCE;
        return CURL_READFUNC_ABORT;
    }
    t->sent += (size_t)got;
    metric_add(M_S3_SENT, (uint64_t)got);
    return (size_t)got;
}

/* libcurl begins anew where a connection that had rested turns out to be dead. */
static int on_seek(void *arg, curl_off_t off, int origin)
{
    struct transfer *t = arg;
    if (origin != SEEK_SET || off < 0 || (uint64_t)off > t->r->n)
        return CURL_SEEKFUNC_CANTSEEK;
    t->sent = (size_t)off;
    return CURL_SEEKFUNC_OK;
}

/* ---- headers ---- */

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

static bool add_write(const struct s3_store *s, struct curl_slist **list,
                      const struct s3_request *r)
{
    if (!s3_writes(r))
        return true;
    /* Whether it may send is asked before only where much is to be sent. */
    return (r->n >= ASKED_BYTES || add(s, list, "Expect", "")) &&
           (!*r->mark || add(s, list, SIGV4_MARK_HEADER, r->mark)) &&
           (!r->fresh || add(s, list, "If-None-Match", "*")) &&
           add(s, list, "Content-Type", "application/octet-stream");
}

static const char *const methods[] = {
    [S3_STAT] = "HEAD", [S3_READ] = "GET",      [S3_LIST] = "GET",
    [S3_PUT] = "PUT",   [S3_DELETE] = "DELETE", [S3_BEGIN] = "POST",
    [S3_PART] = "PUT",  [S3_END] = "POST",      [S3_ABORT] = "DELETE",
};

struct curl_slist *s3_headers(const struct transfer *t, const struct credentials *who,
                              struct err *err)
{
    const struct s3_store *s = t->s;
    const struct s3_request *r = t->r;
    struct sigv4_signature sig;
    struct curl_slist *list = NULL;
    const char *payload = *r->payload ? r->payload : SIGV4_EMPTY_SHA256;
    const struct sigv4_request sign = {.method = methods[r->kind],
                                       .host = s->host,
                                       .path = r->path,
                                       .query = r->query.len ? (const char *)r->query.data : "",
                                       .region = s->region,
                                       .payload = payload,
                                       .mark = r->mark,
                                       .who = who,
                                       .now_s = clock_wall_ms() / 1000};
    if (sigv4_sign(&sign, &sig, err) != OK)
        return NULL;
    bool good = add(s, &list, "Host", s->host) && add(s, &list, "x-amz-content-sha256", payload) &&
                add(s, &list, "x-amz-date", sig.date) &&
                (!*who->token || add(s, &list, "x-amz-security-token", who->token)) &&
                add(s, &list, "Authorization", sig.authorization) && add_range(s, &list, r) &&
                add_write(s, &list, r);
    if (good)
        return list;
    s->c->slist_free_all(list);
    err_fill(err, E_NO_MEMORY, "'%.120s': out of memory", r->what);
    return NULL;
}

/* ---- options ---- */

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

/* How a request that writes goes out. */
static CURLcode set_body(struct transfer *t)
{
    __typeof__(t->s->c->easy_setopt) set = t->s->c->easy_setopt;
    CURLcode e = set(t->h, CURLOPT_CUSTOMREQUEST, methods[t->r->kind]);
    if (e != CURLE_OK || t->r->kind == S3_DELETE || t->r->kind == S3_ABORT)
        return e;
    e = set(t->h, CURLOPT_UPLOAD, 1L);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_INFILESIZE_LARGE, (curl_off_t)(t->r->from ? t->r->n : 0));
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BYTES);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_READFUNCTION, on_send);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_READDATA, t);
    if (e == CURLE_OK)
        e = set(t->h, CURLOPT_SEEKFUNCTION, on_seek);
    return e == CURLE_OK ? set(t->h, CURLOPT_SEEKDATA, t) : e;
}

CURLcode s3_options(struct transfer *t, const char *url, struct curl_slist *headers)
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
    if (e == CURLE_OK && s3_writes(t->r))
        e = set_body(t);
    return e == CURLE_OK ? set_times(t) : e;
}
