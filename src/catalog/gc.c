/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What nobody needs any more: first versions that were never current, then, tenant by tenant, blobs
 * that no version refers to. Old blobs are listed before the versions are read, all ages are
 * measured at one moment before both, and each blob is looked at once more before it goes.
 * Last, uploads in parts that nobody ended, whose age the store tells: no publish takes so long.
 * ARCHITECTURE.md ("Old means older than any publish") has the argument why no publisher loses one.
 *
 * Listings nest: a folder's entries are looked into while it is listed, so that memory does not
 * grow with the number of models. A failure ends the tenant or model that it is of, not the others.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "catalog/catalog_priv.h"
#include "loader/thin.h"

enum {
    BLOBS_MAX = 1 << 18, /* of one tenant, in memory at once: 12 MiB */
    BLOBS_FIRST_CAP = 256,
    SLICES_MAX = 1 << 16, /* as many as two bytes of a hash tell apart */
};

/* A blob that is old. */
struct old_blob {
    uint8_t hash[SHA256_BYTES];
    uint64_t bytes;
    bool used;
};

/* A collection on its way. */
struct gc {
    struct catalog *c;
    struct store *store;
    const struct catalog_gc *o;
    struct catalog_gc_done *done;
    struct err failed; /* the first; code OK: none */
    /* of the tenant under way */
    char tenant[MODEL_NAME_MAX + 1];
    uint32_t slice, slices; /* hashes that are looked at: those whose first bytes say so */
    struct old_blob *blobs; /* heap; sorted when versions are read */
    uint32_t n_blobs, cap, blobs_max;
    uint64_t seen;  /* old blobs of the slice, those that had no room among them */
    struct err err; /* why a listing ended */
};

/* What the store tells no time of is young. */
static bool is_old(const struct gc *g, const struct store_object *o)
{
    return o->modified_ms && o->modified_ms <= g->o->now_ms - g->o->older_ms;
}

static void note_failure(struct gc *g, const char *what, struct err *err)
{
    g->done->failed++;
    if (g->failed.code != OK)
        return;
    err_prefix(err, "%.100s", what);
    g->failed = *err;
}

static void note_gone(const struct gc *g, const char *key, uint64_t bytes)
{
    if (g->o->gone)
        g->o->gone(g->o->arg, key, bytes);
}

/* ---- every model's folder ---- */

typedef void folder_fn(struct gc *g, const char *model);

struct walk {
    struct gc *g;
    folder_fn *fn;
    const char *above; /* "" or "tenant" */
};

static enum status walk_entry(void *arg, const char *entry, bool is_prefix,
                              const struct store_object *o)
{
    const struct walk *w = arg;
    char name[STORE_KEY_MAX], valid[MODEL_NAME_MAX + 1];
    UNUSED(o);
    int n = snprintf(name, sizeof(name), "%s%s%s", w->above, *w->above ? "/" : "", entry);
    if (is_prefix && n > 0 && catalog_name(name, (size_t)n, valid, NULL) == OK &&
        strcmp(name, valid) == 0)
        w->fn(w->g, name);
    return OK;
}

/* Calls fn for each model directly below: those without a tenant, or a tenant's. */
static enum status walk(struct gc *g, const char *above, folder_fn *fn, struct err *err)
{
    const struct walk w = {g, fn, above};
    char prefix[STORE_KEY_MAX];
    snprintf(prefix, sizeof(prefix), CATALOG_PUBLISHED "%s%s", above, *above ? "/" : "");
    return store_list(g->store, prefix, walk_entry, (void *)(uintptr_t)&w, err);
}

/* Whose folder is listed. */
struct model_folder {
    struct gc *g;
    const char *model;
    uint64_t highest; /* number that was ever given out, as a version or its mark tells */
    bool gone;        /* there are marks of removed versions */
};

/* ---- versions that were never current ---- */

/* Removes version n, unless it is current after all.  errors: those of catalog_delete_orphan */
static enum status remove_version(const struct gc *g, const char *model, uint64_t n, bool *removed,
                                  struct err *err)
{
    struct store_object o;
    char key[STORE_KEY_MAX];
    uint64_t current = 0;
    snprintf(key, sizeof(key), CATALOG_PUBLISHED "%s/%" PRIu64 VERSION_ENDING, model, n);
    enum status s = pointer_read(g->store, model, &current, err);
    if (s != OK && s != E_NOT_FOUND)
        return s;
    s = store_stat(g->store, key, &o, err);
    *removed = s == OK && current != n;
    if (*removed && !g->o->dry_run) {
        s = catalog_delete_orphan(g->c, model, n, err);
        *removed = s == OK;
    }
    if (*removed)
        note_gone(g, key, 0);
    return s == E_NOT_FOUND || s == E_EXISTS ? OK : s;
}

static enum status orphan_entry(void *arg, const char *entry, bool is_prefix,
                                const struct store_object *o)
{
    struct model_folder *of = arg;
    struct gc *g = of->g;
    struct err err;
    char key[STORE_KEY_MAX];
    uint64_t n;
    bool removed = false;
    const bool gone = !is_prefix && version_entry(entry, VERSION_GONE, &n);
    of->gone = of->gone || gone;
    if (gone || (!is_prefix && version_entry(entry, VERSION_ENDING, &n)))
        of->highest = MAX(of->highest, n);
    if (is_prefix || !version_entry(entry, VERSION_NEW, &n) || !is_old(g, o))
        return OK;
    enum status s = remove_version(g, of->model, n, &removed, &err);
    g->done->versions += removed;
    snprintf(key, sizeof(key), CATALOG_PUBLISHED "%s/%s", of->model, entry);
    if (s == OK && !g->o->dry_run)
        s = store_delete(g->store, key, &err);
    if (s != OK && s != E_NOT_FOUND)
        note_failure(g, of->model, &err);
    return OK;
}

/* A removed version's mark is needed while no higher number says that its own was given out. That
 * one stays: who removes the version marks it first. */
static enum status gone_entry(void *arg, const char *entry, bool is_prefix,
                              const struct store_object *o)
{
    const struct model_folder *of = arg;
    struct err err;
    char key[STORE_KEY_MAX];
    uint64_t n;
    if (is_prefix || !version_entry(entry, VERSION_GONE, &n) || n >= of->highest ||
        !is_old(of->g, o))
        return OK;
    snprintf(key, sizeof(key), CATALOG_PUBLISHED "%s/%s", of->model, entry);
    enum status s = store_delete(of->g->store, key, &err);
    if (s != OK && s != E_NOT_FOUND)
        note_failure(of->g, of->model, &err);
    return OK;
}

/* The model's own, those of the tenant of that name, and what dead writers left there. */
static void orphans_of(struct gc *g, const char *model)
{
    struct model_folder of = {.g = g, .model = model};
    struct err err;
    char prefix[STORE_KEY_MAX];
    snprintf(prefix, sizeof(prefix), CATALOG_PUBLISHED "%s/", model);
    enum status s = store_list(g->store, prefix, orphan_entry, &of, &err);
    if (s == OK && of.gone && !g->o->dry_run)
        s = store_list(g->store, prefix, gone_entry, &of, &err);
    if (s == OK && !g->o->dry_run)
        s = store_sweep(g->store, prefix, &err);
    if (s == OK && !strchr(model, '/'))
        s = walk(g, model, orphans_of, &err);
    if (s != OK)
        note_failure(g, model, &err);
}

/* ---- a tenant's old blobs ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hash(const char *hex, uint8_t out[SHA256_BYTES])
{
    if (strlen(hex) != SHA256_HEX - 1)
        return false;
    for (int i = 0; i < SHA256_BYTES; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(16 * high + low);
    }
    return true;
}

static enum status blob_entry(void *arg, const char *entry, bool is_prefix,
                              const struct store_object *o)
{
    struct gc *g = arg;
    struct old_blob b = {.used = false};
    if (is_prefix || !parse_hash(entry, b.hash) || !is_old(g, o) ||
        ((uint32_t)b.hash[0] << 8 | b.hash[1]) % g->slices != g->slice)
        return OK;
    g->seen++;
    if (g->n_blobs == g->blobs_max)
        return OK; /* the next slices are smaller */
    if (g->n_blobs == g->cap) {
        uint32_t cap = g->cap ? 2 * g->cap : BLOBS_FIRST_CAP;
        struct old_blob *more = alloc_grow(g->blobs, cap * sizeof(*more));
        if (!more)
            return err_set(&g->err, E_NO_MEMORY, "no memory for %" PRIu32 " blobs", cap);
        g->blobs = more;
        g->cap = cap;
    }
    b.bytes = o->bytes;
    g->blobs[g->n_blobs++] = b;
    return OK;
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(((const struct old_blob *)a)->hash, ((const struct old_blob *)b)->hash,
                  SHA256_BYTES);
}

static struct old_blob *find(const struct gc *g, const uint8_t hash[SHA256_BYTES])
{
    struct old_blob of = {.used = false};
    memcpy(of.hash, hash, SHA256_BYTES);
    return g->n_blobs ? bsearch(&of, g->blobs, g->n_blobs, sizeof(of), by_hash) : NULL;
}

static enum status list_blobs(struct gc *g, struct err *err)
{
    char prefix[STORE_KEY_MAX];
    snprintf(prefix, sizeof(prefix), THIN_BLOBS "%s/", g->tenant);
    g->n_blobs = 0;
    g->seen = 0;
    g->err.code = OK;
    enum status s = store_list(g->store, prefix, blob_entry, g, err);
    if (g->err.code != OK)
        *err = g->err;
    if (s == OK && g->n_blobs)
        qsort(g->blobs, g->n_blobs, sizeof(*g->blobs), by_hash);
    return s;
}

/* ---- which of them are used ---- */

static enum status mark_version(struct gc *g, const char *key, const struct store_object *o,
                                struct err *err)
{
    struct thin_version v;
    enum status s = thin_version_read(g->store, key, o, &v, err);
    if (s != OK)
        return s;
    for (uint32_t i = v.first; s == OK && i < v.reader.p0.n_blobs; i++) {
        struct blob_record b;
        s = artifact_read_blob(&v.reader, i, &b, err);
        struct old_blob *found = s == OK ? find(g, b.hash) : NULL;
        if (found)
            found->used = true;
    }
    thin_version_fini(&v);
    return s;
}

static enum status version_seen(void *arg, const char *entry, bool is_prefix,
                                const struct store_object *o)
{
    const struct model_folder *of = arg;
    char key[STORE_KEY_MAX];
    uint64_t n;
    /* What is thin ends with a page; most of what is whole does not. */
    if (is_prefix || !version_entry(entry, VERSION_ENDING, &n) || o->bytes % ARTIFACT_BLOB_ALIGN)
        return OK;
    snprintf(key, sizeof(key), CATALOG_PUBLISHED "%s/%s", of->model, entry);
    struct err err;
    enum status s = mark_version(of->g, key, o, &err);
    if (s == OK || s == E_NOT_FOUND)
        return OK; /* the latter: removed since it was listed */
    err_prefix(&err, "%.120s", key);
    of->g->err = err;
    return s;
}

static void mark_model(struct gc *g, const char *model)
{
    const struct model_folder of = {.g = g, .model = model};
    struct err err;
    char prefix[STORE_KEY_MAX];
    snprintf(prefix, sizeof(prefix), CATALOG_PUBLISHED "%s/", model);
    if (g->err.code != OK)
        return; /* it is known already that nothing goes */
    if (store_list(g->store, prefix, version_seen, (void *)(uintptr_t)&of, &err) != OK &&
        g->err.code == OK)
        g->err = err;
}

static enum status mark(struct gc *g, struct err *err)
{
    g->err.code = OK;
    enum status s = walk(g, strcmp(g->tenant, "default") == 0 ? "" : g->tenant, mark_model, err);
    if (s == OK && g->err.code != OK)
        *err = g->err;
    return s == OK ? g->err.code : s;
}

/* ---- what goes ---- */

/* What says beside a blob that it is young; E_EXISTS: it says so still. */
static enum status remove_renewal(struct gc *g, const char *blob_key, struct err *err)
{
    char key[STORE_KEY_MAX];
    struct store_object o;
    snprintf(key, sizeof(key), "%s" THIN_RENEWED, blob_key);
    enum status s = store_stat(g->store, key, &o, err);
    if (s == OK && !is_old(g, &o))
        return E_EXISTS;
    if (s == OK && !g->o->dry_run)
        s = store_delete_old(g->store, key, g->o->now_ms - g->o->older_ms, err);
    return s == E_NOT_FOUND ? OK : s;
}

/* Unless a publisher made it young since it was listed. */
static enum status remove_blob(struct gc *g, const struct old_blob *b, struct err *err)
{
    char key[STORE_KEY_MAX], model[MODEL_NAME_MAX + 3];
    snprintf(model, sizeof(model), "%s/", g->tenant);
    thin_blob_key(model, b->hash, key);
    enum status s = remove_renewal(g, key, err);
    if (s == OK && !g->o->dry_run)
        s = store_delete_old(g->store, key, g->o->now_ms - g->o->older_ms, err);
    if (s == OK) {
        g->done->blobs++;
        g->done->bytes += b->bytes;
        note_gone(g, key, b->bytes);
    }
    return s == E_NOT_FOUND || s == E_EXISTS ? OK : s;
}

static enum status collect_slice(struct gc *g, struct err *err)
{
    enum status s = g->n_blobs ? mark(g, err) : OK;
    for (uint32_t i = 0; s == OK && i < g->n_blobs; i++) {
        if (g->blobs[i].used)
            g->done->used++;
        else
            s = remove_blob(g, &g->blobs[i], err);
    }
    return s;
}

static enum status collect_tenant(struct gc *g, struct err *err)
{
    g->slices = 1;
    g->slice = 0;
    enum status s = list_blobs(g, err);
    while (s == OK && g->slices < SLICES_MAX && g->seen / g->slices > g->blobs_max / 2)
        g->slices *= 2;
    for (; s == OK && g->slice < g->slices; g->slice++) {
        if (g->slices > 1)
            s = list_blobs(g, err);
        if (s == OK)
            s = collect_slice(g, err);
    }
    return s;
}

static enum status tenant_entry(void *arg, const char *entry, bool is_prefix,
                                const struct store_object *o)
{
    struct gc *g = arg;
    struct err err;
    char name[STORE_KEY_MAX], valid[MODEL_NAME_MAX + 1], prefix[STORE_KEY_MAX];
    UNUSED(o);
    int n = snprintf(name, sizeof(name), "%s/m", entry);
    if (!is_prefix || n <= 0 || catalog_name(name, (size_t)n, valid, NULL) != OK)
        return OK;
    snprintf(g->tenant, sizeof(g->tenant), "%.*s", MODEL_NAME_MAX, entry);
    snprintf(prefix, sizeof(prefix), THIN_BLOBS "%s/", entry);
    enum status s = collect_tenant(g, &err);
    if (s == OK && !g->o->dry_run)
        s = store_sweep(g->store, prefix, &err);
    if (s != OK)
        note_failure(g, entry, &err);
    return OK;
}

/* ---- what was sent in parts and never ended ---- */

static enum status upload_entry(void *arg, const struct store_upload *u)
{
    struct gc *g = arg;
    struct err err;
    if (!u->began_ms || u->began_ms > g->o->now_ms - g->o->older_ms)
        return OK;
    enum status s = g->o->dry_run ? OK : store_abort(g->store, u, &err);
    if (s == OK) {
        g->done->uploads++;
        note_gone(g, u->key, 0);
    } else if (s != E_NOT_FOUND) { /* which ended meanwhile */
        note_failure(g, u->key, &err);
    }
    return OK;
}

static void collect_uploads(struct gc *g)
{
    struct err err;
    enum status s = store_uploads(g->store, CATALOG_OWN, upload_entry, g, &err);
    g->done->uploads_unknown = s == E_UNSUPPORTED;
    if (s != OK && s != E_UNSUPPORTED)
        note_failure(g, "uploads in parts", &err);
}

enum status catalog_gc(struct catalog *c, const struct catalog_gc *o, struct catalog_gc_done *done,
                       struct err *err)
{
    struct gc g = {.c = c,
                   .store = catalog_store(c),
                   .o = o,
                   .done = done,
                   .blobs_max = o->blobs_max ? o->blobs_max : BLOBS_MAX};
    *done = (struct catalog_gc_done){.blobs = 0};
    if (o->older_ms < CATALOG_GC_LEAST_MS || o->older_ms > o->now_ms)
        return err_set(
            err, E_USAGE,
            "what is younger than %d minutes is not collected, as a publish may need it, nor "
            "what is older than the clock",
            CATALOG_GC_LEAST_MS / 60000);
    enum status s = walk(&g, "", orphans_of, err);
    if (s == OK)
        s = store_list(g.store, THIN_BLOBS, tenant_entry, &g, err);
    alloc_free(g.blobs);
    if (s == OK)
        collect_uploads(&g);
    if (s == OK && g.failed.code != OK) {
        if (err)
            *err = g.failed;
        return g.failed.code;
    }
    return s;
}
