/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "loader/tier.h"

#include <string.h>

#include "base/alloc.h"
#include "loader/loader.h"

enum { CHUNK_BYTES = 4 * 1024 * 1024 }; /* between two looks at a cancel */

static enum status missing(struct err *err)
{
    return err_set(err, E_NOT_FOUND, "not in the disk tier");
}

/* Removes what could not be read or was wrong, so that the next load puts it anew. */
static void drop(struct disk *d, const struct disk_key *key)
{
    struct err ignored;
    if (disk_evict(d, key, &ignored) != OK)
        return; /* somebody else did, or it stays: a miss each time */
}

bool tier_head_key(const char *key, const struct store_object *o, struct disk_key *out)
{
    return o->settled && disk_object_key(DISK_HEAD, key, o->tag, out) == OK;
}

enum status tier_read_head(struct disk *d, const char *key, const struct store_object *o,
                           uint8_t **head, size_t *bytes, struct err *err)
{
    struct disk_key k;
    struct disk_file f;
    enum status s = OK;
    if (!tier_head_key(key, o, &k) || disk_ref(d, &k, UINT64_MAX, &f, err) != OK)
        return missing(err);
    *bytes = (size_t)f.bytes;
    *head = f.bytes <= LOADER_META_MAX ? alloc_new(f.bytes) : NULL;
    if (*head)
        s = disk_read(&f, 0, *head, f.bytes, err);
    else
        s = err_set(err, E_NO_MEMORY, "no memory for %zu bytes of metadata", *bytes);
    disk_unref(d, &f);
    if (s == OK || s == E_NO_MEMORY)
        return s;
    alloc_free(*head);
    *head = NULL;
    drop(d, &k);
    return missing(err);
}

void tier_drop_head(struct disk *d, const char *key, const struct store_object *o)
{
    struct disk_key k;
    if (tier_head_key(key, o, &k))
        drop(d, &k);
}

static struct disk_key blob_key(const struct blob_record *b)
{
    struct disk_key k = {.kind = DISK_BLOB};
    memcpy(k.digest, b->hash, sizeof(k.digest));
    return k;
}

bool tier_has_blob(struct disk *d, const struct blob_record *b)
{
    const struct disk_key k = blob_key(b);
    return disk_has(d, &k);
}

/* What one blob's read works with. */
struct reading {
    const struct tier_going *going;
    struct sha256 hash; /* ctx NULL: not wanted */
    uint8_t *to;
};

static enum status read_chunks(struct reading *r, const struct disk_file *f, struct err *err)
{
    for (uint64_t off = 0; off < f->bytes; off += CHUNK_BYTES) {
        size_t n = (size_t)MIN(f->bytes - off, (uint64_t)CHUNK_BYTES);
        enum status s = r->going->on(r->going->arg, err);
        if (s == OK && disk_read(f, off, r->to + off, n, err) != OK)
            s = E_IO;
        if (s != OK)
            return s;
        if (r->hash.ctx)
            sha256_add(&r->hash, r->to + off, n);
    }
    return OK;
}

/* Ends the hash, if there is one: are the bytes what b says? */
static bool proven(struct reading *r, const struct blob_record *b)
{
    uint8_t digest[SHA256_BYTES];
    if (!r->hash.ctx)
        return true;
    sha256_end(&r->hash, digest);
    return memcmp(digest, b->hash, sizeof(digest)) == 0;
}

enum status tier_read_blob(struct disk *d, const struct blob_record *b, void *to, bool hash,
                           const struct tier_going *going, struct err *err)
{
    struct reading r = {.going = going, .to = to};
    const struct disk_key k = blob_key(b);
    struct disk_file f = {.fd = -1};
    if (disk_ref(d, &k, b->bytes, &f, err) != OK || (hash && sha256_init(&r.hash) != OK)) {
        disk_unref(d, &f);
        return missing(err);
    }
    enum status s = read_chunks(&r, &f, err);
    disk_unref(d, &f);
    bool good = proven(&r, b);
    if (s == OK && good)
        return OK;
    if (s != OK && s != E_IO)
        return s; /* going's */
    drop(d, &k);
    return missing(err);
}
