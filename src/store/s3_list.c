/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ListObjectsV2, page by page: what stands directly below a prefix, or which of some endings a name
 * has. Each page is read whole, within
 * its bound, before any of it is believed. */
#include <stdio.h>
#include <string.h>

#include "store/s3_priv.h"

enum {
    PAGE_KEYS = 1000,
    FIND_KEYS = 100, /* from a name's dot on */
    EMPTY_MAX = 8,   /* pages in a row without a key: what was removed is passed over so */
    QUERY_MAX = 16384,
};

struct listing {
    const char *prefix; /* whole: the store's and the listing's */
    size_t prefix_n;
    store_list_fn *fn;
    void *arg;
};

/* What a name ends in, and whether it is a folder. A page is in the order of bytes, so that what
 * stands behind the endings, from the slash on, says that all of them were seen. */
struct search {
    const char *stem; /* whole */
    size_t stem_n;
    const char *const *endings;
    struct store_found *out;
    bool any, all_seen;
};

/* How pages are asked for, and who takes their entries. */
struct paging {
    const char *prefix, *after; /* after: the first key is behind it; NULL: the first of all */
    int keys;                   /* of a page */
    bool once;                  /* one page is enough */
    bool truncated;             /* set: there is more behind the last page */
    s3_entry_fn *fn;
    void *arg;
    struct s3_pages pages;
    bool any, rose;                /* of the page: it has keys; one is above all of those before */
    int empty;                     /* pages in a row until now */
    char highest[S3_XML_TEXT_MAX]; /* key so far */
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

static enum status on_ending(void *arg, const struct s3_entry *e)
{
    struct search *f = arg;
    const char *rest = e->key + f->stem_n;
    if (strncmp(e->key, f->stem, f->stem_n) != 0)
        return OK;
    f->all_seen |= (unsigned char)*rest >= '/';
    f->out->below |= *rest == '/';
    if (e->is_prefix || !*e->object.tag)
        return OK;
    for (size_t i = 0; f->endings[i]; i++)
        if ((!f->any || i < f->out->which) && strcmp(rest, f->endings[i]) == 0) {
            f->out->which = i;
            f->out->object = e->object;
            /* As precise as a head says it. */
            f->out->object.modified_ms -= e->object.modified_ms % 1000;
            f->any = true;
        }
    return OK;
}

/* The page's query, its names in the order in which they are signed. */
static enum status write_query(struct buf *q, const struct paging *p, const char *from)
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
        s = buf_printf(q, "delimiter=%%2F&list-type=2&max-keys=%d&prefix=", p->keys);
    if (s == OK)
        s = sigv4_encode(q, p->prefix, false);
    if (s == OK && p->after)
        s = buf_str(q, "&start-after=");
    if (s == OK && p->after)
        s = sigv4_encode(q, p->after, false);
    return s == OK ? buf_terminate(q) : s;
}

static enum status on_key(void *arg, const struct s3_entry *e)
{
    struct paging *p = arg;
    p->any = true;
    s3_pages_earn(&p->pages);
    if (strcmp(e->key, p->highest) > 0) {
        memcpy(p->highest, e->key, strlen(e->key) + 1);
        p->rose = true;
    }
    return p->fn(p->arg, e);
}

/* Keys come in the order of their bytes: may the listing go on behind this page? */
static bool moves_on(struct paging *p, const char *from, const char *next)
{
    p->empty = p->any ? 0 : p->empty + 1;
    return (p->any ? p->rose : p->empty <= EMPTY_MAX) && strcmp(from, next) != 0;
}

static enum status one_page(struct s3_store *s, struct s3_request *r, struct paging *p,
                            struct s3_page *page, struct err *err)
{
    struct s3_answer a;
    enum status st = s3_pages_next(s, r, &p->pages, &a, err);
    if (st == E_NOT_FOUND)
        return err_set(err, E_STORE, "%.120s: there is no such bucket", s->store.url);
    p->any = p->rose = false;
    return st == OK ? s3_xml_list((const char *)r->body->data, r->body->len, page, on_key, p, err)
                    : st;
}

static enum status list_pages(struct s3_store *s, struct s3_request *r, struct paging *p,
                              struct err *err)
{
    struct s3_page page = {.truncated = true};
    char from[S3_CONTINUE_MAX] = "";
    enum status st = OK;
    while (st == OK && page.truncated && !(p->once && p->pages.count)) {
        if (p->pages.count && !moves_on(p, from, page.next))
            return s3_pages_endless(s, r, err);
        memcpy(from, page.next, sizeof(from));
        st = write_query(&r->query, p, from);
        if (st != OK)
            return err_set(err, st, "'%.80s': %s", r->what, status_text(st));
        st = one_page(s, r, p, &page, err);
    }
    p->truncated = page.truncated;
    return st;
}

/* what: for messages */
static enum status ask(struct store *store, const char *what, struct paging *p, struct err *err)
{
    struct s3_store *s = s3_of(store);
    struct s3_request r = {.kind = S3_LIST, .what = what};
    struct buf body;
    buf_init(&body, S3_PAGE_BYTES_MAX);
    buf_init(&r.query, QUERY_MAX);
    r.body = &body;
    memcpy(r.path, s->root, s->bucket_path_n);
    r.path[s->bucket_path_n] = 0;
    s3_pages_init(s, &p->pages);
    enum status st = list_pages(s, &r, p, err);
    buf_fini(&r.query);
    buf_fini(&body);
    return st;
}

enum status s3_list(struct store *store, const char *prefix, store_list_fn *fn, void *arg,
                    struct err *err)
{
    char whole[2 * STORE_KEY_MAX];
    int n = snprintf(whole, sizeof(whole), "%s%s", s3_of(store)->prefix, prefix);
    const struct listing l = {.prefix = whole, .prefix_n = (size_t)n, .fn = fn, .arg = arg};
    struct paging p = {.prefix = whole, .keys = PAGE_KEYS, .fn = on_entry, .arg = (void *)&l};
    return ask(store, *prefix ? prefix : "/", &p, err);
}

/* What a page shows is there; what it does not show may stand behind it. */
enum status s3_find(struct store *store, const char *stem, const char *const *endings,
                    struct store_found *out, struct err *err)
{
    char whole[2 * STORE_KEY_MAX], after[2 * STORE_KEY_MAX];
    int n = snprintf(whole, sizeof(whole), "%s%s", s3_of(store)->prefix, stem);
    snprintf(after, sizeof(after), "%s%s.", s3_of(store)->prefix, stem);
    *out = (struct store_found){.below = false};
    struct search f = {.stem = whole, .stem_n = (size_t)n, .endings = endings, .out = out};
    struct paging p = {.prefix = whole,
                       .after = after,
                       .keys = FIND_KEYS,
                       .once = true,
                       .fn = on_ending,
                       .arg = &f};
    enum status st = ask(store, stem, &p, err);
    if (st != OK)
        return st;
    if (p.truncated && !f.all_seen)
        return store_find_by_looks(store, stem, endings, out, err);
    return f.any ? OK : err_set(err, E_NOT_FOUND, "'%.120s' is not in the store", stem);
}
