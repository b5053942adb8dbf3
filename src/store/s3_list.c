/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ListObjectsV2, page by page: what stands directly below a prefix. Each page is read whole, within
 * its bound, before any of it is believed. */
#include <string.h>

#include "base/clock.h"
#include "store/s3_priv.h"

enum { PAGES_MAX = 10000, QUERY_MAX = 16384 };

struct listing {
    const char *prefix; /* whole: the store's and the listing's */
    size_t prefix_n;
    store_list_fn *fn;
    void *arg;
};

static enum status on_entry(void *arg, const struct s3_entry *e)
{
    const struct listing *l = arg;
    char name[S3_XML_TEXT_MAX];
    if (strncmp(e->key, l->prefix, l->prefix_n) != 0)
        return OK; /* not asked for */
    size_t n = strlen(e->key + l->prefix_n);
    memcpy(name, e->key + l->prefix_n, n + 1);
    if (e->is_prefix && n && name[n - 1] == '/')
        name[--n] = 0;
    if (!store_segment_valid(name, n) || (!e->is_prefix && !*e->object.tag))
        return OK;
    return l->fn(l->arg, name, e->is_prefix, e->is_prefix ? NULL : &e->object);
}

/* The page's query, its names in the order in which they are signed. */
static enum status write_query(struct buf *q, const char *prefix, const char *from)
{
    enum status s = OK;
    buf_clear(q);
    if (*from) {
        s = buf_str(q, "continuation-token=");
        if (s == OK)
            s = sigv4_encode(q, from, false);
        if (s == OK)
            s = buf_char(q, '&');
    }
    if (s == OK)
        s = buf_str(q, "delimiter=%2F&list-type=2&max-keys=1000&prefix=");
    if (s == OK)
        s = sigv4_encode(q, prefix, false);
    return s == OK ? buf_terminate(q) : s;
}

static enum status list_pages(struct s3_store *s, struct s3_request *r, const struct listing *l,
                              struct err *err)
{
    struct s3_page page = {.truncated = true};
    struct s3_answer a;
    char from[S3_CONTINUE_MAX] = "";
    enum status st = OK;
    for (int i = 0; st == OK && page.truncated; i++) {
        if (i == PAGES_MAX || (i && strcmp(from, page.next) == 0))
            return err_set(err, E_STORE, "'%.80s' in %.80s: a listing without end", r->what,
                           s->store.url);
        memcpy(from, page.next, sizeof(from));
        r->until_us = clock_now_us() + s->o.timeout_us;
        buf_clear(r->body);
        st = write_query(&r->query, l->prefix, from);
        if (st != OK)
            return err_set(err, st, "'%.80s': %s", r->what, status_text(st));
        st = s3_send(s, r, &a, err);
        if (st == E_NOT_FOUND)
            return err_set(err, E_STORE, "%.120s: there is no such bucket", s->store.url);
        if (st == OK)
            st = s3_xml_list((const char *)r->body->data, r->body->len, &page, on_entry, (void *)l,
                             err);
    }
    return st;
}

enum status s3_list(struct store *store, const char *prefix, store_list_fn *fn, void *arg,
                    struct err *err)
{
    struct s3_store *s = s3_of(store);
    struct s3_request r = {.kind = S3_LIST, .what = *prefix ? prefix : "/"};
    struct buf body;
    char whole[2 * STORE_KEY_MAX];
    size_t a = strlen(s->prefix), b = strlen(prefix);
    memcpy(whole, s->prefix, a);
    memcpy(whole + a, prefix, b + 1);
    buf_init(&body, S3_PAGE_BYTES_MAX);
    buf_init(&r.query, QUERY_MAX);
    r.body = &body;
    memcpy(r.path, s->root, s->bucket_path_n);
    r.path[s->bucket_path_n] = 0;
    const struct listing l = {.prefix = whole, .prefix_n = a + b, .fn = fn, .arg = arg};
    enum status st = list_pages(s, &r, &l, err);
    buf_fini(&r.query);
    buf_fini(&body);
    return st;
}
