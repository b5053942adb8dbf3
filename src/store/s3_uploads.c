/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Uploads in parts that nobody ended, page by page: writers that died leave them, and their parts
 * cost until somebody aborts them. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "store/s3_priv.h"

enum {
    PAGE_UPLOADS = 1000,
    FLAT_MAX = 100, /* pages whose key is not above all before */
    QUERY_MAX = 16384
};

/* A listing under way. Heap. */
struct listing {
    struct s3_store *s;
    char prefix[2 * STORE_KEY_MAX]; /* whole: the store's and the listing's */
    store_upload_fn *fn;
    void *arg;
    struct s3_uploads_page page, before; /* where it goes on, and where it went on last */
    struct s3_pages pages;
    int flat;                      /* pages so far whose key was not above all before */
    char highest[S3_XML_TEXT_MAX]; /* key so far that a page went on from */
};

static enum status on_upload(void *arg, const struct s3_upload *u)
{
    struct listing *l = arg;
    size_t above = strlen(l->s->prefix);
    s3_pages_earn(&l->pages);
    const struct store_upload told = {.key = u->key + above, .id = u->id, .began_ms = u->began_ms};
    if (strncmp(u->key, l->prefix, strlen(l->prefix)) != 0 || !store_key_valid(told.key))
        return OK; /* not asked for, or not ours */
    return l->fn(l->arg, &told);
}

/* Appends "&name=value", encoded. */
static enum status add(struct buf *q, const char *name, const char *value)
{
    enum status s = buf_printf(q, "%s%s=", q->len ? "&" : "", name);
    return s == OK ? sigv4_encode(q, value, false) : s;
}

/* Its names in the order in which they are signed. */
static enum status write_query(struct buf *q, const struct listing *l)
{
    enum status s = OK;
    buf_clear(q);
    if (*l->page.key)
        s = add(q, "key-marker", l->page.key);
    if (s == OK)
        s = buf_printf(q, "%smax-uploads=%d", q->len ? "&" : "", PAGE_UPLOADS);
    if (s == OK)
        s = add(q, "prefix", l->prefix);
    if (s == OK && *l->page.id)
        s = add(q, "upload-id-marker", l->page.id);
    if (s == OK)
        s = add(q, "uploads", "");
    return s == OK ? buf_terminate(q) : s;
}

/* May the listing go on behind this page? Keys rise, but not from each page to the next: one key
 * may have more uploads than a page holds, whose ids come in the order of time, and Ceph's gateway
 * orders by key and id written as one. */
static bool moves_on(struct listing *l)
{
    if (strcmp(l->page.key, l->before.key) == 0 && strcmp(l->page.id, l->before.id) == 0)
        return false;
    if (strcmp(l->page.key, l->highest) <= 0)
        return l->flat++ < FLAT_MAX;
    memcpy(l->highest, l->page.key, sizeof(l->highest));
    return true;
}

/* Some servers know no such listing, and say so in one of these ways. */
static bool is_unknown(enum status st, const struct s3_answer *a)
{
    return st == E_NOT_FOUND || (st == E_STORE && (a->http == 405 || a->http == 501));
}

static enum status one_page(struct listing *l, struct s3_request *r, struct err *err)
{
    struct s3_answer a;
    struct err why;
    enum status st = s3_pages_next(l->s, r, &l->pages, &a, &why);
    if (is_unknown(st, &a))
        return err_set(err, E_UNSUPPORTED, "%.120s does not list uploads in parts (HTTP %ld)",
                       l->s->store.url, a.http);
    if (st != OK)
        return err_set(err, why.code, "%s", why.msg);
    return s3_xml_uploads((const char *)r->body->data, r->body->len, &l->page, on_upload, l, err);
}

static enum status list_pages(struct listing *l, struct s3_request *r, struct err *err)
{
    enum status st = OK;
    l->page.truncated = true;
    s3_pages_init(l->s, &l->pages);
    while (st == OK && l->page.truncated) {
        if (l->pages.count && !moves_on(l))
            return s3_pages_endless(l->s, r, err);
        l->before = l->page;
        st = write_query(&r->query, l);
        st = st == OK ? one_page(l, r, err)
                      : err_set(err, st, "uploads of '%.80s': %s", r->what, status_text(st));
    }
    return st;
}

enum status s3_uploads(struct store *store, const char *prefix, store_upload_fn *fn, void *arg,
                       struct err *err)
{
    struct s3_store *s = s3_of(store);
    struct s3_request r = {.kind = S3_LIST, .what = *prefix ? prefix : "/"};
    struct listing *l = alloc_zero(1, sizeof(*l));
    struct buf body;
    if (!l)
        return err_set(err, E_NO_MEMORY, "no memory to list uploads of '%.80s'", r.what);
    *l = (struct listing){.s = s, .fn = fn, .arg = arg};
    snprintf(l->prefix, sizeof(l->prefix), "%s%s", s->prefix, prefix);
    buf_init(&body, S3_PAGE_BYTES_MAX);
    buf_init(&r.query, QUERY_MAX);
    r.body = &body;
    memcpy(r.path, s->root, s->bucket_path_n);
    r.path[s->bucket_path_n] = 0;
    enum status st = list_pages(l, &r, err);
    buf_fini(&r.query);
    buf_fini(&body);
    alloc_free(l);
    return st;
}

enum status s3_abort(struct store *store, const struct store_upload *u, struct err *err)
{
    struct s3_request r;
    struct s3_answer a;
    s3_request_init(s3_of(store), &r, u->key, 0);
    r.kind = S3_ABORT;
    buf_init(&r.query, QUERY_MAX);
    enum status st = add(&r.query, "uploadId", u->id);
    if (st == OK)
        st = buf_terminate(&r.query);
    st = st == OK ? s3_send(s3_of(store), &r, &a, err)
                  : err_set(err, st, "aborting '%.120s': %s", u->key, status_text(st));
    buf_fini(&r.query);
    return st;
}
