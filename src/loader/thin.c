/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Where an artifact is cut follows from its table of blobs alone, so that writer, reader and
 * collector agree without a word in the file. */
#include "loader/thin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "loader/loader.h"
#include "runtime/bundle.h"

void thin_blob_key(const char *model, const uint8_t hash[SHA256_BYTES], char out[STORE_KEY_MAX])
{
    const char *slash = strchr(model, '/');
    char hex[SHA256_HEX];
    sha256_hex(hash, hex);
    snprintf(out, STORE_KEY_MAX, THIN_BLOBS "%.*s/%s", slash ? (int)(slash - model) : 7,
             slash ? model : "default", hex);
}

enum status thin_cut(const struct artifact_reader *r, uint32_t *first, uint64_t *bytes,
                     struct err *err)
{
    *first = r->p0.n_blobs;
    *bytes = r->p0.file_bytes;
    while (*first) {
        struct blob_record b;
        enum status s = artifact_read_blob(r, *first - 1, &b, err);
        if (s != OK)
            return s;
        if (!bundle_shareable(&r->p0, &b))
            break;
        --*first;
        *bytes = r->p0.meta_bytes + b.off;
    }
    return OK;
}

enum status thin_first(const struct artifact_reader *r, uint64_t object_bytes, uint32_t *first,
                       struct err *err)
{
    uint64_t bytes;
    *first = r->p0.n_blobs;
    if (object_bytes == r->p0.file_bytes)
        return OK;
    enum status s = thin_cut(r, first, &bytes, err);
    if (s == OK && object_bytes != bytes)
        s = err_set(err, E_CORRUPT,
                    "page 0: says %" PRIu64 " bytes, %" PRIu64
                    " without the blobs that lie apart; the file holds %" PRIu64,
                    r->p0.file_bytes, bytes, object_bytes);
    return s;
}

static bool add_tag(struct sha256 *h, struct store *s, const char *model,
                    const struct blob_record *b)
{
    char key[STORE_KEY_MAX];
    struct store_object o;
    thin_blob_key(model, b->hash, key);
    if (store_stat(s, key, &o, NULL) != OK || !o.settled)
        return false;
    sha256_add(h, o.tag, strlen(o.tag) + 1);
    return true;
}

void thin_tag(struct store *s, const char *model, const struct artifact_reader *r, const char *tag,
              char out[SHA256_HEX])
{
    uint8_t digest[SHA256_BYTES];
    uint32_t first;
    uint64_t bytes;
    struct sha256 h;
    out[0] = 0;
    if (store_is_far(s) || thin_cut(r, &first, &bytes, NULL) != OK || sha256_init(&h) != OK)
        return;
    bool good = true;
    sha256_add(&h, tag, strlen(tag) + 1);
    for (uint32_t i = first; good && i < r->p0.n_blobs; i++) {
        struct blob_record b;
        good = artifact_read_blob(r, i, &b, NULL) == OK && add_tag(&h, s, model, &b);
    }
    sha256_end(&h, digest);
    if (good)
        sha256_hex(digest, out);
}

/* Page 0 into first, and what it says of the rest. */
static enum status read_page0(struct store *s, const char *key, const struct store_object *o,
                              uint8_t first[ARTIFACT_PAGE0_BYTES], struct artifact_page0 *p0,
                              struct err *err)
{
    if (o->bytes < ARTIFACT_PAGE0_BYTES)
        return err_set(err, E_CORRUPT, "%.120s: %" PRIu64 " bytes are no artifact", key, o->bytes);
    enum status st = store_read(s, key, o->tag, 0, first, ARTIFACT_PAGE0_BYTES, err);
    if (st == OK)
        st = artifact_page0_read(first, ARTIFACT_PAGE0_BYTES, p0, err);
    if (st == OK && (p0->meta_bytes > o->bytes || p0->file_bytes < o->bytes))
        st = err_set(err, E_CORRUPT, "page 0: its metadata does not end within the object");
    if (st == OK && (p0->meta_bytes > LOADER_META_MAX || p0->meta_raw_bytes > LOADER_META_MAX))
        st = err_set(err, E_UNSUPPORTED, "page 0: more than %d bytes of metadata", LOADER_META_MAX);
    return st;
}

enum status thin_version_read(struct store *s, const char *key, const struct store_object *o,
                              struct thin_version *out, struct err *err)
{
    uint8_t first[ARTIFACT_PAGE0_BYTES];
    struct artifact_page0 p0;
    enum status st = read_page0(s, key, o, first, &p0, err);
    if (st != OK)
        return st;
    const size_t n = (size_t)p0.meta_bytes, rest = n - sizeof(first);
    uint8_t *meta = alloc_new(n);
    if (!meta)
        return err_set(err, E_NO_MEMORY, "no memory for %zu bytes of metadata", n);
    memcpy(meta, first, sizeof(first));
    if (rest)
        st = store_read(s, key, o->tag, sizeof(first), meta + sizeof(first), rest, err);
    if (st == OK)
        st = artifact_reader_init(&out->reader, &p0, meta, n, err);
    if (st == OK && (st = thin_first(&out->reader, o->bytes, &out->first, err)) != OK)
        artifact_reader_fini(&out->reader);
    if (st == OK)
        out->meta = meta;
    else
        alloc_free(meta);
    return st;
}

void thin_version_fini(struct thin_version *v)
{
    artifact_reader_fini(&v->reader);
    alloc_free(v->meta);
}
