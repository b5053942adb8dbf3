/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every name a store can answer for: folders are walked for candidates as deep as names and
 * versions go, then each candidate is resolved as an invocation would, so that the listing and the
 * server never differ. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "catalog/catalog_priv.h"

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

/* Walks `name`'s folder ("" for the top) below root and, down to tenant/model, its folders. */
static enum status walk(struct store *store, const char *root, const char *name,
                        struct names *found, struct err *err)
{
    char prefix[STORE_KEY_MAX];
    bool top = !*name, leaf = strchr(name, '/') != NULL;
    struct folder f = {.found = found, .tenant = name, .published = *root != 0};
    snprintf(prefix, sizeof(prefix), "%s%s%s", root, name, top ? "" : "/");
    enum status s = store_list(store, prefix, note_entry, &f, err);
    if (s == E_NO_MEMORY)
        (void)err_set(err, s, "out of memory while listing the store");
    if (s == OK && !top && f.marked && names_add(found, name, strlen(name)) != OK)
        s = err_set(err, E_NO_MEMORY, "out of memory while listing the store");
    for (size_t i = 0; s == OK && !leaf && i < f.below.count; i++) {
        char next[STORE_KEY_MAX];
        snprintf(next, sizeof(next), "%s%s%s", name, top ? "" : "/", f.below.at[i]);
        s = walk(store, root, next, found, err);
    }
    names_fini(&f.below);
    return s;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Calls fn for each; what cannot be resolved is passed over, its first failure kept in *failed. */
static enum status report(struct store *store, const struct names *n, catalog_list_fn *fn,
                          void *arg, struct err *failed)
{
    for (size_t i = 0; i < n->count; i++) {
        struct resolved r;
        struct err e;
        if (i && strcmp(n->at[i - 1], n->at[i]) == 0)
            continue;
        enum status s = catalog_resolve(store, n->at[i], &r, &e);
        if (s == OK)
            s = apart_whole_bytes(store, r.key, &r.object, &r.object.bytes, &e);
        if (s == OK) {
            s = fn(arg, n->at[i], &r);
            if (s != OK)
                return s;
        } else if (s != E_NOT_FOUND && failed->code == OK) {
            *failed = e;
        }
    }
    return OK;
}

enum status catalog_list(struct store *store, catalog_list_fn *fn, void *arg, struct err *err)
{
    struct names found = {0};
    struct err failed = {.code = OK};
    enum status s = walk(store, "", "", &found, err);
    if (s == OK)
        s = walk(store, CATALOG_PUBLISHED, "", &found, err);
    if (s == OK) {
        if (found.count)
            qsort(found.at, found.count, sizeof(*found.at), by_text);
        s = report(store, &found, fn, arg, &failed);
    }
    names_fini(&found);
    if (s == OK && failed.code != OK) {
        if (err)
            *err = failed;
        return failed.code;
    }
    return s;
}
