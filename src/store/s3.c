/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A bucket as a store: where it is asked, and objects as requests. Nothing of it is a secret: those
 * are the chain's (credentials.h), and an address that holds some is refused without being told. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/clock.h"
#include "store/credentials_priv.h"
#include "store/s3_priv.h"

enum { BUCKET_LEAST = 3, BUCKET_MOST = 63, PREFIX_MOST = 512 };

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

static bool all_host_chars(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_host_char(s[i]))
            return false;
    return n > 0;
}

/* "BUCKET[/PREFIX]" */
static enum status take_place(struct s3_store *s, const char *rest, struct err *err)
{
    size_t n = strcspn(rest, "/");
    if (n < BUCKET_LEAST || n > BUCKET_MOST || !all_host_chars(rest, n) || rest[0] == '.')
        return err_set(
            err, E_USAGE,
            "an s3:// store is named s3://BUCKET[/PREFIX], the bucket in %d to %d letters, "
            "digits, '.', '-' and '_'",
            BUCKET_LEAST, BUCKET_MOST);
    memcpy(s->bucket, rest, n);
    rest += n;
    rest += strspn(rest, "/");
    n = strlen(rest);
    while (n && rest[n - 1] == '/')
        n--;
    if (n > PREFIX_MOST)
        return err_set(err, E_USAGE, "the prefix of an s3:// store has at most %d bytes",
                       PREFIX_MOST);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)rest[i] < ' ' || rest[i] == 127)
            return err_set(err, E_USAGE, "the prefix of an s3:// store holds control bytes");
    snprintf(s->prefix, sizeof(s->prefix), "%.*s%s", (int)n, rest, n ? "/" : "");
    return OK;
}

static const char *endpoint_of(const struct store_options *o)
{
    const char *e = *o->endpoint ? o->endpoint : credentials_env("AWS_ENDPOINT_URL_S3");
    if (!e)
        e = credentials_env("AWS_ENDPOINT_URL");
    return e ? e : "";
}

/* "[http[s]://]HOST[:PORT][/]" into scheme and host. A port that is the scheme's own is left out,
 * as it is in the Host header. */
static enum status take_endpoint(struct s3_store *s, const char *text, struct err *err)
{
    const char *host = strstr(text, "://");
    bool plain = strncasecmp(text, "http://", 7) == 0;
    if (host && !plain && strncasecmp(text, "https://", 8) != 0)
        return err_set(err, E_USAGE, "an S3 endpoint is http:// or https://");
    host = host ? host + 3 : text;
    size_t n = strcspn(host, "/"), name = n;
    const char *bracket = n && host[0] == '[' ? memchr(host, ']', n) : NULL;
    const char *colon =
        n ? memchr(bracket ? bracket : host, ':', n - (size_t)(bracket ? bracket - host : 0))
          : NULL;
    if (bracket)
        name = 0; /* an IPv6 address: libcurl looks at it */
    else if (colon)
        name = (size_t)(colon - host);
    bool good =
        n && n < S3_HOST_MAX - 80 && !memchr(host, '@', n) && !host[n + strspn(host + n, "/")];
    if (!good || (name && !all_host_chars(host, name)) || (!name && host[0] != '['))
        return err_set(err, E_USAGE, "an S3 endpoint is http[s]://HOST[:PORT], without a path");
    const char *own = plain ? ":80" : ":443";
    size_t cut = strlen(own);
    if (colon && n > cut && memcmp(host + n - cut, own, cut) == 0 && colon == host + n - cut)
        n -= cut;
    snprintf(s->scheme, sizeof(s->scheme), "%s", plain ? "http" : "https");
    snprintf(s->host, sizeof(s->host), "%.*s", (int)n, host);
    return OK;
}

static enum status take_region(struct s3_store *s, const struct store_options *o, struct err *err)
{
    size_t n = strlen(o->region);
    if (n >= sizeof(s->region))
        return err_set(err, E_USAGE, "the region's name is too long");
    memcpy(s->region, o->region, n + 1);
    if (!n)
        credentials_region(s->region);
    if (!*s->region)
        snprintf(s->region, sizeof(s->region), "us-east-1");
    if (!all_host_chars(s->region, strlen(s->region)))
        return err_set(err, E_USAGE, "'%.40s' is no region", s->region);
    return OK;
}

static enum status take_host(struct s3_store *s, const struct store_options *o, struct err *err)
{
    const char *endpoint = endpoint_of(o);
    char amazon[160];
    bool china = strncmp(s->region, "cn-", 3) == 0;
    snprintf(amazon, sizeof(amazon), "https://s3.%s.amazonaws.com%s", s->region,
             china ? ".cn" : "");
    enum status st = take_endpoint(s, *endpoint ? endpoint : amazon, err);
    if (st != OK)
        return st;
    /* A certificate for *.s3... covers one label: a bucket with dots is asked by path. */
    bool host_style = o->style == STORE_STYLE_HOST ||
                      (o->style == STORE_STYLE_AUTO && !*endpoint && !strchr(s->bucket, '.'));
    struct buf path;
    buf_init(&path, sizeof(s->root) - 1);
    if (host_style) {
        char plain[S3_HOST_MAX];
        memcpy(plain, s->host, sizeof(plain));
        snprintf(s->host, sizeof(s->host), "%s.%s", s->bucket, plain);
        st = buf_char(&path, '/');
        s->bucket_path_n = 1;
    } else {
        st = buf_printf(&path, "/%s/", s->bucket);
        s->bucket_path_n = 1 + strlen(s->bucket);
    }
    if (st == OK)
        st = sigv4_encode(&path, s->prefix, true);
    if (st == OK)
        snprintf(s->root, sizeof(s->root), "%.*s", (int)path.len, (const char *)path.data);
    buf_fini(&path);
    return st == OK ? OK : err_set(err, st, "the prefix of the store: %s", status_text(st));
}

static enum status take_ca(struct s3_store *s, const struct store_options *o, struct err *err)
{
    const char *ca = *o->ca ? o->ca : credentials_env("AWS_CA_BUNDLE");
    if (ca && strlen(ca) >= sizeof(s->ca))
        return err_set(err, E_USAGE, "the path of the certificates is too long");
    snprintf(s->ca, sizeof(s->ca), "%s", ca ? ca : "");
    return OK;
}

void s3_request_init(struct s3_store *s, struct s3_request *r, const char *key, uint64_t bytes)
{
    *r = (struct s3_request){.what = key, .until_us = clock_now_us() + s->o.timeout_us + bytes};
    snprintf(r->path, sizeof(r->path), "%s%s", s->root, key); /* a key needs no encoding */
}

static enum status s3_stat(struct store *store, const char *key, struct store_object *out,
                           struct err *err)
{
    struct s3_request r;
    struct s3_answer a;
    s3_request_init(s3_of(store), &r, key, 0);
    enum status st = s3_send(s3_of(store), &r, &a, err);
    if (st != OK)
        return st;
    *out = (struct store_object){.bytes = a.length, .modified_ms = a.modified_ms, .settled = true};
    memcpy(out->tag, a.tag, sizeof(out->tag));
    return OK;
}

/* No byte at all: only what the object is counts. */
static enum status read_nothing(struct store *store, const char *key, const char *tag, uint64_t off,
                                struct err *err)
{
    struct store_object now;
    enum status st = s3_stat(store, key, &now, err);
    if (st != OK)
        return st;
    if (*tag && strcmp(tag, now.tag) != 0)
        return err_set(err, E_CHANGED, "'%.80s' in %.80s changed while it was read", key,
                       store->url);
    if (off > now.bytes)
        return err_set(err, E_STORE,
                       "'%.80s' in %.80s holds %" PRIu64 " bytes, 0 are wanted from %" PRIu64, key,
                       store->url, now.bytes, off);
    return OK;
}

static enum status s3_read(struct store *store, const char *key, const char *tag, uint64_t off,
                           void *dst, size_t n, struct err *err)
{
    struct s3_request r;
    struct s3_answer a;
    uint64_t end;
    if (!n)
        return read_nothing(store, key, tag, off, err);
    if (!checked_add(off, n, &end) || end > INT64_MAX)
        return err_set(err, E_STORE, "'%.80s' in %.80s holds no such byte as %" PRIu64, key,
                       store->url, off);
    s3_request_init(s3_of(store), &r, key, 0);
    r.kind = S3_READ;
    r.off = off;
    r.dst = dst;
    r.n = n;
    snprintf(r.tag, sizeof(r.tag), "%s", tag);
    return s3_send(s3_of(store), &r, &a, err);
}

/* A range of an empty object is none, so such an object is asked for by its head. */
static enum status s3_first(struct store *store, const char *key, struct store_first *f,
                            struct err *err)
{
    struct s3_request r;
    struct s3_answer a;
    struct err why;
    ASSERT(f->room);
    s3_request_init(s3_of(store), &r, key, 0);
    r.kind = S3_READ;
    r.dst = f->to;
    r.n = f->room;
    r.open_ended = true;
    enum status st = s3_send(s3_of(store), &r, &a, &why);
    f->n = 0;
    if (st == E_STORE && a.http == 416 && a.has_range && !a.total)
        return s3_stat(store, key, &f->object, err);
    if (st != OK)
        return err_set(err, why.code, "%s", why.msg);
    f->n = r.n;
    f->object =
        (struct store_object){.bytes = r.total, .modified_ms = a.modified_ms, .settled = true};
    memcpy(f->object.tag, r.tag, sizeof(f->object.tag));
    return OK;
}

static void s3_stop(struct store *store)
{
    struct s3_store *s = s3_of(store);
    lock_take(&s->lock);
    atomic_store(&s->stopping, true);
    cond_wake_all(&s->stop_told);
    lock_release(&s->lock);
}

static void s3_free(struct store *store)
{
    struct s3_store *s = s3_of(store);
    for (size_t i = 0; i < s->n_idle; i++)
        s->c->easy_cleanup(s->idle[i]);
    chain_free(&s->chain);
    cond_fini(&s->stop_told);
    lock_fini(&s->lock);
    alloc_free(s);
}

static const struct store_ops s3_ops = {
    .stat = s3_stat,
    .read = s3_read,
    .list = s3_list,
    .first = s3_first,
    .find = s3_find,
    .put = s3_put,
    .remove = s3_remove,
    .uploads = s3_uploads,
    .abort = s3_abort,
    .stop = s3_stop,
    .free = s3_free,
};

static enum status take_all(struct s3_store *s, const char *rest, const struct store_options *o,
                            struct err *err)
{
    enum status st = take_place(s, rest, err);
    if (st == OK)
        st = take_region(s, o, err);
    if (st == OK)
        st = take_host(s, o, err);
    if (st == OK)
        st = take_ca(s, o, err);
    if (st == OK)
        st = curl_door_open(&s->c, err);
    if (st == OK && s->c->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        st = err_set(err, E_NO_MEMORY, "libcurl does not start");
    return st == OK ? chain_new(s->c, &s->chain, err) : st;
}

enum status s3_store_open(const char *rest, const struct store_options *o, struct store **out,
                          struct err *err)
{
    struct s3_store *s = alloc_zero(1, sizeof(*s));
    if (!s)
        return err_set(err, E_NO_MEMORY, "an s3:// store: out of memory");
    lock_init(&s->lock, LOCK_S3);
    cond_init(&s->stop_told);
    s->store.ops = &s3_ops;
    s->o = *o;
    s->o.endpoint = s->o.region = s->o.ca = "";
    s->budget_parts = (uint64_t)o->retry_budget * S3_BUDGET_PARTS;
    metric_set(M_S3_BUDGET, o->retry_budget);
    enum status st = take_all(s, rest, o, err);
    if (st == OK)
        *out = &s->store;
    else
        s3_free(&s->store);
    return st;
}
