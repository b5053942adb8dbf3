/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every name a store can answer for: folders are walked for candidates as deep as names and
 * versions go, then each candidate is resolved as an invocation would, so that the listing and the
 * server never differ. Of a store that is far several folders, and then several names, are asked
 * for at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "catalog/catalog_priv.h"
#include "catalog/many.h"

enum { NAMES_FIRST_CAP = 64 };

/* Embedded: names found so far, with repetitions. */
struct names {
    char **at; /* heap, each heap */
    size_t count, cap;
};

static void names_fini(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        alloc_free(n->at[i]);
    alloc_free(n->at);
}

/* Adds `text` when it is a name in the one spelling the node uses; passes over anything else. */
static enum status names_add(struct names *n, const char *text, size_t len)
{
    char name[MODEL_NAME_MAX + 1];
    if (catalog_name(text, len, name, NULL) != OK || strlen(name) != len)
        return OK;
    if (n->count == n->cap) {
        size_t cap = n->cap ? n->cap * 2 : NAMES_FIRST_CAP;
        char **at = alloc_grow(n->at, cap * sizeof(*at));
        if (!at)
            return E_NO_MEMORY;
        n->at = at;
        n->cap = cap;
    }
    char *copy = alloc_str(name);
    if (!copy)
        return E_NO_MEMORY;
    n->at[n->count++] = copy;
    return OK;
}

/* What one folder holds. */
struct folder {
    struct names *found;
    struct names below; /* names of sub-folders that are segments of names */
    const char *tenant; /* "" at the top */
    bool published;     /* below _roost/models/: `current` marks a model */
    bool marked;        /* the folder itself is a model: it holds `current` or a version */
};

static enum status note_entry(void *arg, const char *name, bool is_prefix,
                              const struct store_object *o)
{
    struct folder *f = arg;
    size_t len = strlen(name);
    uint64_t version;
    UNUSED(o);
    if (is_prefix) {
        f->marked = f->marked || (!f->published && version_parse(name, len, &version));
        return names_add(&f->below, name, len);
    }
    if (f->published) {
        f->marked = f->marked || strcmp(name, "current") == 0;
        return OK;
    }
    size_t ending = catalog_ending(name, len);
    if (!ending)
        return OK;
    char full[STORE_KEY_MAX];
    int n = snprintf(full, sizeof(full), "%s%s%.*s", f->tenant, *f->tenant ? "/" : "",
                     (int)(len - ending), name);
    return n > 0 && (size_t)n < sizeof(full) ? names_add(f->found, full, (size_t)n) : OK;
}

/* Folders below one root that are still to be listed, and what was found in others. */
struct walk {
    struct store *store;
    const char *root; /* "" or CATALOG_PUBLISHED */
    struct lock lock; /* CATALOG; guards the rest */
    struct cond changed;
    struct names todo, *found;
    uint32_t busy;  /* threads that list a folder */
    struct err err; /* the first failure; code OK: none */
};

/* Lists one folder ("" for the top), which is f.  errors: those of store_list */
static enum status list_folder(const struct walk *w, struct folder *f, struct err *err)
{
    char prefix[STORE_KEY_MAX];
    const bool top = !*f->tenant;
    snprintf(prefix, sizeof(prefix), "%s%s%s", w->root, f->tenant, top ? "" : "/");
    enum status s = store_list(w->store, prefix, note_entry, f, err);
    if (s == OK && !top && f->marked)
        s = names_add(f->found, f->tenant, strlen(f->tenant));
    return s == E_NO_MEMORY ? err_set(err, s, "out of memory while listing the store") : s;
}

/* Down to tenant/model, what lies below the folder is to be listed too. */
static enum status push_below(struct walk *w, const struct folder *f) REQUIRES(w->lock)
{
    enum status s = OK;
    for (size_t i = 0; s == OK && !strchr(f->tenant, '/') && i < f->below.count; i++) {
        char next[STORE_KEY_MAX];
        int n = snprintf(next, sizeof(next), "%s%s%s", f->tenant, *f->tenant ? "/" : "",
                         f->below.at[i]);
        s = names_add(&w->todo, next, (size_t)n);
    }
    return s;
}

/* Moves all of them. */
static enum status names_move(struct names *to, struct names *from)
{
    enum status s = OK;
    for (size_t i = 0; s == OK && i < from->count; i++)
        s = names_add(to, from->at[i], strlen(from->at[i]));
    return s;
}

/* The folder called `name`, without the lock; what it told, with it. */
static void walk_one(struct walk *w, const char *name)
{
    struct names found = {0};
    struct folder f = {.found = &found, .tenant = name, .published = *w->root != 0};
    struct err err = {.code = OK};
    enum status s = list_folder(w, &f, &err);
    lock_take(&w->lock);
    if (s == OK && (push_below(w, &f) != OK || names_move(w->found, &found) != OK))
        s = err_set(&err, E_NO_MEMORY, "out of memory while listing the store");
    if (s != OK && w->err.code == OK)
        w->err = err;
    w->busy--;
    cond_wake_all(&w->changed);
    lock_release(&w->lock);
    names_fini(&found);
    names_fini(&f.below);
}

static void walk_some(void *arg)
{
    struct walk *w = arg;
    lock_take(&w->lock);
    for (;;) {
        while (!w->todo.count && w->busy && w->err.code == OK)
            cond_wait(&w->changed, &w->lock, 0);
        if (!w->todo.count || w->err.code != OK)
            break;
        char *name = w->todo.at[--w->todo.count];
        w->busy++;
        lock_release(&w->lock);
        walk_one(w, name);
        alloc_free(name);
        lock_take(&w->lock);
    }
    lock_release(&w->lock);
}

static enum status walk(struct store *store, const char *root, struct names *found, struct err *err)
{
    struct walk w = {.store = store, .root = root, .found = found, .busy = 1};
    lock_init(&w.lock, LOCK_CATALOG);
    cond_init(&w.changed);
    walk_one(&w, "");
    many_run(many_threads(store), walk_some, &w);
    names_fini(&w.todo);
    cond_fini(&w.changed);
    lock_fini(&w.lock);
    return w.err.code == OK ? OK : err_set(err, w.err.code, "%s", w.err.msg);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- what each name is ---- */

/* What a name came to. */
struct row {
    const char *name;
    enum status s;
    struct resolved r;
    struct err err;
};

enum { ROWS = 256 }; /* looked at before they are told, in their order */

struct rows {
    struct store *store;
    atomic_size_t next;
    size_t count;
    struct row at[ROWS];
};

/* As an invocation would; of an artifact that is far one read tells what its object is and how many
 * bytes all of it are. */
static enum status look(struct store *store, const char *name, struct resolved *r, struct err *err)
{
    uint8_t page[ARTIFACT_PAGE0_BYTES];
    struct store_first f = {.to = page, .room = sizeof(page)};
    enum status s = catalog_resolve_place(store, name, r, err);
    if (s != OK)
        return s;
    if (r->looked || *r->object.tag)
        return apart_whole_bytes(store, r->key, &r->object, &r->object.bytes, err);
    s = store_first(store, r->key, &f, err);
    if (s == E_NOT_FOUND)
        return catalog_resolve(store, name, r, err); /* which says why, or what it is by now */
    if (s == OK) {
        r->object = f.object;
        r->object.bytes = apart_whole_first(r->key, &f);
    }
    return s;
}

static void look_at_some(void *arg)
{
    struct rows *rows = arg;
    for (size_t i; (i = atomic_fetch_add(&rows->next, 1)) < rows->count;) {
        struct row *row = &rows->at[i];
        row->s = look(rows->store, row->name, &row->r, &row->err);
    }
}

static enum status tell(const struct rows *rows, catalog_list_fn *fn, void *arg, struct err *failed)
{
    enum status s = OK;
    for (size_t i = 0; s == OK && i < rows->count; i++) {
        const struct row *row = &rows->at[i];
        if (row->s == OK)
            s = fn(arg, row->name, &row->r);
        else if (row->s != E_NOT_FOUND && failed->code == OK)
            *failed = row->err;
    }
    return s;
}

/* Calls fn for each; what cannot be resolved is passed over, its first failure kept in *failed. */
static enum status report(struct rows *rows, const struct names *n, catalog_list_fn *fn, void *arg,
                          struct err *failed)
{
    enum status s = OK;
    for (size_t i = 0; s == OK && i < n->count;) {
        rows->count = 0;
        for (; i < n->count && rows->count < ROWS; i++)
            if (!i || strcmp(n->at[i - 1], n->at[i]) != 0)
                rows->at[rows->count++].name = n->at[i];
        atomic_store(&rows->next, 0);
        many_run(many_threads(rows->store), look_at_some, rows);
        s = tell(rows, fn, arg, failed);
    }
    return s;
}

enum status catalog_list(struct store *store, catalog_list_fn *fn, void *arg, struct err *err)
{
    struct names found = {0};
    struct err failed = {.code = OK};
    struct rows *rows = alloc_zero(1, sizeof(*rows));
    enum status s = rows ? walk(store, "", &found, err)
                         : err_set(err, E_NO_MEMORY, "out of memory while listing the store");
    if (s == OK)
        s = walk(store, CATALOG_PUBLISHED, &found, err);
    if (s == OK) {
        if (found.count)
            qsort(found.at, found.count, sizeof(*found.at), by_text);
        rows->store = store;
        s = report(rows, &found, fn, arg, &failed);
    }
    alloc_free(rows);
    names_fini(&found);
    if (s == OK && failed.code != OK) {
        if (err)
            *err = failed;
        return failed.code;
    }
    return s;
}
