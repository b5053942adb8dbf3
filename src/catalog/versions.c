/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Which published versions a model has: those that were ever current. What lies beside a mark of
 * its own was not (publish.c), and is passed over. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "catalog/catalog_priv.h"
#include "catalog/many.h"

enum { VERSIONS_FIRST_CAP = 16 };

const char *version_key(const char *name, uint64_t n, const char *ending, char out[STORE_KEY_MAX])
{
    snprintf(out, STORE_KEY_MAX, CATALOG_PUBLISHED "%s/%" PRIu64 "%s", name, n, ending);
    return out;
}

bool version_entry(const char *entry, const char *ending, uint64_t *n)
{
    size_t len = strlen(entry), end = strlen(ending);
    return len > end && strcmp(entry + len - end, ending) == 0 &&
           version_parse(entry, len - end, n);
}

/* Versions found so far, and marks that one was not current yet: those have bytes MARK. */
struct found {
    struct catalog_version *at; /* heap */
    size_t count, cap;
};
#define MARK UINT64_MAX

static enum status note_version(void *arg, const char *entry, bool is_prefix,
                                const struct store_object *o)
{
    struct found *f = arg;
    uint64_t n;
    const bool mark = !is_prefix && version_entry(entry, VERSION_NEW, &n);
    if (is_prefix || (!mark && !version_entry(entry, VERSION_ENDING, &n)))
        return OK;
    if (f->count == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : VERSIONS_FIRST_CAP;
        struct catalog_version *at = alloc_grow(f->at, cap * sizeof(*at));
        if (!at)
            return E_NO_MEMORY;
        f->at = at;
        f->cap = cap;
    }
    f->at[f->count++] = (struct catalog_version){
        .n = n, .bytes = mark ? MARK : o->bytes, .modified_ms = o->modified_ms};
    return OK;
}

/* A mark before its version. */
static int highest_first(const void *a, const void *b)
{
    const struct catalog_version *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n) - (x->n > y->n)
                        : (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

/* A version's own mark was written before it. One that is younger is of a publisher that came too
 * late for the number, and died before it could take it back. */
static bool is_own_mark(uint64_t mark_ms, uint64_t version_ms)
{
    return !mark_ms || !version_ms || mark_ms <= version_ms;
}

/* Leaves those that were ever current: what is so now may have its mark still. */
static void drop_marked(struct found *f, uint64_t current)
{
    struct catalog_version mark = {.n = 0};
    size_t left = 0;
    qsort(f->at, f->count, sizeof(*f->at), highest_first);
    for (size_t i = 0; i < f->count; i++) {
        struct catalog_version *v = &f->at[i];
        v->current = v->n == current;
        if (v->bytes == MARK)
            mark = *v;
        else if (v->n != mark.n || v->current || !is_own_mark(mark.modified_ms, v->modified_ms))
            f->at[left++] = *v;
    }
    f->count = left;
}

enum status versions_list(struct catalog *c, const char *name, struct catalog_version **out,
                          size_t *count, struct err *err)
{
    struct store *store = catalog_store(c);
    struct found f = {.at = NULL};
    char prefix[STORE_KEY_MAX];
    uint64_t current = 0;
    snprintf(prefix, sizeof(prefix), CATALOG_PUBLISHED "%s/", name);
    enum status s = pointer_read(store, name, &current, err);
    if (s == OK || s == E_NOT_FOUND) {
        s = store_list(store, prefix, note_version, &f, err);
        if (s == E_NO_MEMORY)
            (void)err_set(err, s, "out of memory while listing versions of '%.120s'", name);
    }
    if (s == OK && f.count)
        drop_marked(&f, current);
    if (s == OK && !f.count)
        s = err_set(err, E_NOT_FOUND, "no version of '%.160s' was published", name);
    if (s != OK) {
        alloc_free(f.at);
        return s;
    }
    *out = f.at;
    *count = f.count;
    return OK;
}

/* Versions whose bytes are asked for, by several threads where each is a round trip. */
struct sizing {
    struct store *store;
    const char *name;
    const atomic_bool *cancelled; /* NULL: never */
    struct catalog_version *all;
    size_t count;
    atomic_size_t next;
    struct lock lock; /* CATALOG; guards err */
    struct err err;   /* the first failure; code OK: none */
};

static void size_one(struct sizing *z, struct catalog_version *v)
{
    struct err err;
    char key[STORE_KEY_MAX];
    const struct store_object o = {.bytes = v->bytes};
    enum status s = OK;
    if (z->cancelled && atomic_load(z->cancelled))
        s = err_set(&err, E_CANCELLED, "nobody waits for the versions of '%.160s' any more",
                    z->name);
    else
        s = apart_whole_bytes(z->store, version_key(z->name, v->n, VERSION_ENDING, key), &o,
                              &v->bytes, &err);
    if (s == OK)
        return;
    lock_take(&z->lock);
    if (z->err.code == OK)
        z->err = err;
    lock_release(&z->lock);
    atomic_store(&z->next, z->count); /* nobody begins another */
}

static void size_some(void *arg)
{
    struct sizing *z = arg;
    for (size_t i; (i = atomic_fetch_add(&z->next, 1)) < z->count;)
        size_one(z, &z->all[i]);
}

enum status catalog_versions(struct catalog *c, const char *name, const atomic_bool *cancelled,
                             struct catalog_version **out, size_t *count, struct err *err)
{
    struct sizing z = {.store = catalog_store(c), .name = name, .cancelled = cancelled};
    enum status s = versions_list(c, name, &z.all, &z.count, err);
    if (s != OK)
        return s;
    lock_init(&z.lock, LOCK_CATALOG);
    many_run(many_threads(z.store), size_some, &z);
    lock_fini(&z.lock);
    if (z.err.code != OK) {
        alloc_free(z.all);
        return err_set(err, z.err.code, "%s", z.err.msg);
    }
    *out = z.all;
    *count = z.count;
    return OK;
}

enum status version_none(const char *name, uint64_t n, struct err *err)
{
    return err_set(err, E_NOT_FOUND, "'%.160s' has no version %" PRIu64, name, n);
}

enum status version_look(struct store *store, const char *name, uint64_t n, struct store_object *o,
                         bool *marked, struct err *err)
{
    struct store_object mark;
    char key[STORE_KEY_MAX];
    enum status s = store_stat(store, version_key(name, n, VERSION_ENDING, key), o, err);
    if (s == E_NOT_FOUND)
        return version_none(name, n, err);
    if (s == OK) {
        s = store_stat(store, version_key(name, n, VERSION_NEW, key), &mark, err);
        *marked = s == OK && is_own_mark(mark.modified_ms, o->modified_ms);
    }
    return s == E_NOT_FOUND ? OK : s;
}
