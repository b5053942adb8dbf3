/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The kinds of store by scheme, and the one way through which all of them are asked: keys are
 * proven and reads are counted here, so that no kind can forget either. */
#include <stdio.h>
#include <string.h>

#include "metrics/metrics.h"
#include "store/store_priv.h"

enum {
    LOOKS_MAX = 100, /* at an object that is replaced while it is read */
    ENDING_MAX = 16, /* bytes of an ending */
};

static const struct {
    const char *scheme, *what;
    enum status (*open)(const char *rest, const struct store_options *o, struct store **out,
                        struct err *err);
} kinds[] = {
    {"file", "a directory", file_store_open},
    {"s3", "a bucket", s3_store_open},
};

const struct store_options store_options_default = {.endpoint = "",
                                                    .region = "",
                                                    .ca = "",
                                                    .timeout_us = 60000000,
                                                    .stall_us = 10000000,
                                                    .retries = 5,
                                                    .retry_budget = 100,
                                                    .part_bytes = 16 << 20};

static enum status unknown_scheme(const char *url, size_t scheme_len, struct err *err)
{
    char known[128] = "";
    size_t used = 0;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        int n = snprintf(known + used, sizeof(known) - used, "%s%s:// (%s)", i ? ", " : "",
                         kinds[i].scheme, kinds[i].what);
        used = MIN(sizeof(known) - 1, used + (size_t)MAX(n, 0));
    }
    return err_set(err, E_USAGE, "store '%.80s': no kind of store is named '%.*s'; there is %s",
                   url, (int)MIN(scheme_len, (size_t)32), url, known);
}

enum status store_open_with(const char *url, const struct store_options *o, struct store **out,
                            struct err *err)
{
    const char *sep = strstr(url, "://");
    if (!sep) {
        enum status s = file_store_open(url, o, out, err);
        if (s == OK)
            snprintf((*out)->url, sizeof((*out)->url), "file://%s", url);
        return s;
    }
    size_t len = (size_t)(sep - url);
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (strlen(kinds[i].scheme) != len || memcmp(kinds[i].scheme, url, len) != 0)
            continue;
        enum status s = kinds[i].open(sep + 3, o, out, err);
        if (s == OK)
            snprintf((*out)->url, sizeof((*out)->url), "%s", url);
        return s;
    }
    return unknown_scheme(url, len, err);
}

enum status store_open(const char *url, struct store **out, struct err *err)
{
    return store_open_with(url, &store_options_default, out, err);
}

void store_stop(struct store *s)
{
    if (s->ops->stop)
        s->ops->stop(s);
}

void store_free(struct store **s)
{
    if (*s)
        (*s)->ops->free(*s);
    *s = NULL;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool store_segment_valid(const char *s, size_t len)
{
    if (!len || !(is_alnum(s[0]) || s[0] == '_'))
        return false;
    for (size_t i = 1; i < len; i++) {
        if (!is_alnum(s[i]) && s[i] != '.' && s[i] != '_' && s[i] != '-')
            return false;
    }
    return true;
}

/* Are the first len bytes segments joined by '/'? */
static bool path_valid(const char *s, size_t len)
{
    size_t start = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && s[i] != '/')
            continue;
        if (!store_segment_valid(s + start, i - start))
            return false;
        start = i + 1;
    }
    return true;
}

bool store_key_valid(const char *key)
{
    size_t n = strlen(key);
    return n < STORE_KEY_MAX && path_valid(key, n);
}

static bool prefix_valid(const char *prefix)
{
    size_t n = strlen(prefix);
    return n == 0 || (n < STORE_KEY_MAX && prefix[n - 1] == '/' && path_valid(prefix, n - 1));
}

enum status store_stat(struct store *s, const char *key, struct store_object *out, struct err *err)
{
    if (!store_key_valid(key))
        return err_set(err, E_BAD_INPUT, "'%.80s' is no key of a store", key);
    return s->ops->stat(s, key, out, err);
}

enum status store_read(struct store *s, const char *key, const char *tag, uint64_t off, void *dst,
                       size_t n, struct err *err)
{
    if (!store_key_valid(key))
        return err_set(err, E_BAD_INPUT, "'%.80s' is no key of a store", key);
    metric_add(M_STORE_READS, 1);
    enum status st = s->ops->read(s, key, tag, off, dst, n, err);
    if (st == OK)
        metric_add(M_STORE_READ_BYTES, n);
    return st;
}

/* By two calls: an object that is replaced between them is looked at again, for that is no failure
 * of the store; who replaces it again and again ends some time. */
static enum status first_by_look(struct store *s, const char *key, struct store_first *f,
                                 struct err *err)
{
    struct store_object now;
    enum status st = s->ops->stat(s, key, &f->object, err);
    for (int i = 0; st == OK && i < LOOKS_MAX; i++) {
        f->n = (size_t)MIN((uint64_t)f->room, f->object.bytes);
        metric_add(M_STORE_READS, i == 0);
        st = s->ops->read(s, key, f->object.tag, 0, f->to, f->n, err);
        if ((st != E_STORE && st != E_CHANGED) || s->ops->stat(s, key, &now, NULL) != OK ||
            strcmp(now.tag, f->object.tag) == 0)
            return st;
        f->object = now;
        st = i + 1 < LOOKS_MAX ? OK : st;
    }
    return st;
}

enum status store_first(struct store *s, const char *key, struct store_first *f, struct err *err)
{
    if (!store_key_valid(key))
        return err_set(err, E_BAD_INPUT, "'%.80s' is no key of a store", key);
    metric_add(M_STORE_READS, s->ops->first != NULL);
    enum status st = s->ops->first ? s->ops->first(s, key, f, err) : first_by_look(s, key, f, err);
    if (st == OK)
        metric_add(M_STORE_READ_BYTES, f->n);
    return st;
}

enum status store_find_by_looks(struct store *s, const char *stem, const char *const *endings,
                                struct store_found *out, struct err *err)
{
    enum status st = E_NOT_FOUND;
    char key[STORE_KEY_MAX];
    for (size_t i = 0; st == E_NOT_FOUND && endings[i]; i++) {
        snprintf(key, sizeof(key), "%s%s", stem, endings[i]);
        *out = (struct store_found){.below = true, .which = i, .looked = true};
        st = s->ops->stat(s, key, &out->object, err);
    }
    return st;
}

enum status store_find(struct store *s, const char *stem, const char *const *endings,
                       struct store_found *out, struct err *err)
{
    size_t n = strlen(stem);
    for (size_t i = 0; endings[i]; i++)
        ASSERT(i < STORE_ENDINGS_MAX && endings[i][0] == '.');
    if (!path_valid(stem, n) || n + ENDING_MAX >= STORE_KEY_MAX)
        return err_set(err, E_BAD_INPUT, "'%.80s' is no key of a store", stem);
    return s->ops->find ? s->ops->find(s, stem, endings, out, err)
                        : store_find_by_looks(s, stem, endings, out, err);
}

bool store_is_far(const struct store *s)
{
    return s->ops->first != NULL;
}

enum status store_list(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
                       struct err *err)
{
    if (!prefix_valid(prefix))
        return err_set(err, E_BAD_INPUT, "'%.80s' is no prefix of a store's keys", prefix);
    return s->ops->list(s, prefix, fn, arg, err);
}

static enum status put(struct store *s, const char *key, const struct store_source *from,
                       bool fresh, struct err *err)
{
    if (!store_key_valid(key))
        return err_set(err, E_BAD_INPUT, "'%.80s' is no key of a store", key);
    enum status st = s->ops->put(s, key, from, fresh, err);
    if (st == OK) {
        metric_add(M_STORE_WRITES, 1);
        metric_add(M_STORE_WRITTEN_BYTES, from->n);
    }
    return st;
}

enum status store_put(struct store *s, const char *key, const struct store_source *from,
                      struct err *err)
{
    return put(s, key, from, false, err);
}

enum status store_put_new(struct store *s, const char *key, const struct store_source *from,
                          struct err *err)
{
    return put(s, key, from, true, err);
}

enum status store_delete(struct store *s, const char *key, struct err *err)
{
    if (!store_key_valid(key))
        return err_set(err, E_BAD_INPUT, "'%.80s' is no key of a store", key);
    enum status st = s->ops->remove(s, key, err);
    if (st == OK)
        metric_add(M_STORE_WRITES, 1);
    return st;
}

enum status store_renew(struct store *s, const char *key, struct err *err)
{
    if (!store_key_valid(key))
        return err_set(err, E_BAD_INPUT, "'%.80s' is no key of a store", key);
    if (!s->ops->renew)
        return err_set(err, E_UNSUPPORTED, "%.120s cannot renew '%.80s'", s->url, key);
    enum status st = s->ops->renew(s, key, err);
    if (st == OK)
        metric_add(M_STORE_WRITES, 1);
    return st;
}

/* In two steps. */
static enum status remove_if_old(struct store *s, const char *key, uint64_t since_ms,
                                 struct err *err)
{
    struct store_object o;
    enum status st = s->ops->stat(s, key, &o, err);
    if (st == OK && (!o.modified_ms || o.modified_ms > since_ms))
        st = err_set(err, E_EXISTS, "'%.120s' is younger, or nobody knows", key);
    return st == OK ? s->ops->remove(s, key, err) : st;
}

enum status store_delete_old(struct store *s, const char *key, uint64_t since_ms, struct err *err)
{
    if (!store_key_valid(key))
        return err_set(err, E_BAD_INPUT, "'%.80s' is no key of a store", key);
    enum status st = s->ops->remove_old ? s->ops->remove_old(s, key, since_ms, err)
                                        : remove_if_old(s, key, since_ms, err);
    if (st == OK)
        metric_add(M_STORE_WRITES, 1);
    return st;
}

enum status store_sweep(struct store *s, const char *prefix, struct err *err)
{
    if (!prefix_valid(prefix))
        return err_set(err, E_BAD_INPUT, "'%.80s' is no prefix of a store's keys", prefix);
    return s->ops->sweep ? s->ops->sweep(s, prefix, err) : OK;
}

enum status store_uploads(struct store *s, const char *prefix, store_upload_fn *fn, void *arg,
                          struct err *err)
{
    if (!prefix_valid(prefix))
        return err_set(err, E_BAD_INPUT, "'%.80s' is no prefix of a store's keys", prefix);
    return s->ops->uploads ? s->ops->uploads(s, prefix, fn, arg, err) : OK;
}

enum status store_abort(struct store *s, const struct store_upload *u, struct err *err)
{
    if (!store_key_valid(u->key) || !s->ops->abort)
        return err_set(err, E_BAD_INPUT, "'%.80s' is no upload of a store's", u->key);
    return s->ops->abort(s, u, err);
}
