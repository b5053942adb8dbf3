/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What of an artifact lies apart from its version, once for each tenant. A blob that is there is
 * not written again, but it is made young: a collector (gc.c) removes only what is old, so between
 * here and the flip none of them goes. ARCHITECTURE.md ("Old means older than any publish") has the
 * argument. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "catalog/catalog_priv.h"
#include "loader/thin.h"

/* ---- the artifact ---- */

/* The bytes that are to be published; a descriptor's are mapped: who publishes is alone with it. */
static enum status map_source(const struct store_source *from, struct apart *out, struct err *err)
{
    out->bytes = from->bytes;
    if (from->bytes)
        return OK;
    void *at = mmap(NULL, (size_t)from->n, PROT_READ, MAP_SHARED, from->fd, 0);
    if (at == MAP_FAILED)
        return err_set(err, errno == ENOMEM ? E_NO_MEMORY : E_IO,
                       "what is to be published cannot be mapped: %s", strerrordesc_np(errno));
    out->mapped = true;
    out->bytes = at;
    return OK;
}

static enum status open_artifact(struct apart *a, struct err *err)
{
    struct artifact_page0 p0;
    enum status s = artifact_page0_read(a->bytes, (size_t)a->n, &p0, err);
    if (s == OK && p0.file_bytes != a->n)
        s = err_set(err, E_CORRUPT,
                    "page 0: says %" PRIu64 " bytes, %" PRIu64
                    " came: who publishes brings all blobs",
                    p0.file_bytes, a->n);
    if (s == OK)
        s = artifact_reader_init(&a->reader, &p0, a->bytes, (size_t)p0.meta_bytes, err);
    if (s != OK)
        return s;
    a->open = true;
    a->n_blobs = p0.n_blobs;
    return thin_cut(&a->reader, &a->first, &a->object_bytes, err);
}

enum status apart_init(const struct store_source *from, struct apart *out, struct err *err)
{
    *out = (struct apart){.n = from->n, .object_bytes = from->n};
    if (from->n < ARTIFACT_PAGE0_BYTES)
        return OK;
    enum status s = map_source(from, out, err);
    if (s == OK && artifact_is(out->bytes, (size_t)out->n))
        s = open_artifact(out, err);
    if (s != OK)
        apart_fini(out);
    return s;
}

void apart_fini(struct apart *a)
{
    if (a->open)
        artifact_reader_fini(&a->reader);
    if (a->mapped)
        munmap((void *)(uintptr_t)a->bytes, (size_t)a->n);
    *a = (struct apart){.n = 0};
}

/* ---- its blobs in the store ---- */

/* One of them. */
struct blob_object {
    char key[STORE_KEY_MAX];
    struct store_source from;
};

static enum status blob_object(const struct apart *a, const char *model, uint32_t i,
                               struct blob_object *out, struct err *err)
{
    struct blob_record b;
    enum status s = artifact_read_blob(&a->reader, i, &b, err);
    if (s != OK)
        return s;
    thin_blob_key(model, b.hash, out->key);
    out->from =
        (struct store_source){.bytes = a->bytes + a->reader.p0.meta_bytes + b.off, .n = b.bytes};
    return OK;
}

static bool is_young(const struct store_object *o)
{
    return o->modified_ms + CATALOG_YOUNG_MS > clock_wall_ms();
}

/* Is it there, and how old? An object of another size is not it. */
static enum status look(struct store *store, const struct blob_object *b, bool *there, bool *young,
                        struct err *err)
{
    struct store_object o = {.bytes = 0};
    enum status s = store_stat(store, b->key, &o, err);
    *there = s == OK && o.bytes == b->from.n;
    *young = *there && is_young(&o);
    return s == E_NOT_FOUND ? OK : s;
}

/* Says so beside it: a store that knows no renewal is not sent all of it again. */
static enum status renew_beside(struct store *store, const struct blob_object *b, struct err *err)
{
    const struct store_source nothing = {.bytes = "", .n = 0};
    char key[STORE_KEY_MAX];
    struct store_object o;
    snprintf(key, sizeof(key), "%s" THIN_RENEWED, b->key);
    enum status s = store_stat(store, key, &o, err);
    if (s == OK && is_young(&o))
        return OK;
    return s == OK || s == E_NOT_FOUND ? store_put(store, key, &nothing, err) : s;
}

static enum status make_young(struct store *store, const struct blob_object *b, struct err *err)
{
    bool there, young;
    enum status s = look(store, b, &there, &young, err);
    if (s != OK || young)
        return s;
    s = there ? store_renew(store, b->key, err) : E_NOT_FOUND;
    if (s == E_UNSUPPORTED)
        return renew_beside(store, b, err);
    /* Whoever removed it meanwhile took what was old; this is new. */
    return s == E_NOT_FOUND ? store_put(store, b->key, &b->from, err) : s;
}

enum status apart_write(struct store *store, const char *model, const struct apart *a,
                        struct err *err)
{
    enum status s = OK;
    for (uint32_t i = a->first; s == OK && i < a->n_blobs; i++) {
        struct blob_object b;
        s = blob_object(a, model, i, &b, err);
        if (s == OK)
            s = make_young(store, &b, err);
    }
    return s;
}

/* ---- sizes ---- */

/* May the object be a part of its artifact? */
static bool may_be_thin(const char *key, uint64_t object_bytes)
{
    return strncmp(key, THIN_VERSIONS, strlen(THIN_VERSIONS)) == 0 &&
           object_bytes % ARTIFACT_BLOB_ALIGN == 0 && object_bytes >= ARTIFACT_PAGE0_BYTES;
}

static uint64_t whole(const uint8_t first[ARTIFACT_PAGE0_BYTES], uint64_t object_bytes)
{
    struct artifact_page0 p0;
    return artifact_page0_read(first, ARTIFACT_PAGE0_BYTES, &p0, NULL) == OK
               ? MAX(object_bytes, p0.file_bytes)
               : object_bytes;
}

uint64_t apart_whole_first(const char *key, const struct store_first *f)
{
    return may_be_thin(key, f->object.bytes) && f->n >= ARTIFACT_PAGE0_BYTES
               ? whole(f->to, f->object.bytes)
               : f->object.bytes;
}

enum status apart_whole_bytes(struct store *store, const char *key, const struct store_object *o,
                              uint64_t *bytes, struct err *err)
{
    uint8_t first[ARTIFACT_PAGE0_BYTES];
    const uint64_t of_object = o->bytes;
    *bytes = of_object;
    if (!may_be_thin(key, of_object))
        return OK;
    enum status s = store_read(store, key, "", 0, first, sizeof(first), err);
    if (s == OK)
        *bytes = whole(first, of_object);
    return s == E_NOT_FOUND ? OK : s;
}
