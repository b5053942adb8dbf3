/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "loader/tier.h"

#include <string.h>

#include "base/alloc.h"
#include "loader/loader.h"

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

bool tier_blob_key(const struct tier *t, const struct blob_record *b, struct disk_key *out)
{
    *out = (struct disk_key){.kind = DISK_BLOB};
    memcpy(out->digest, b->hash, sizeof(out->digest));
    return blob_scope_mark(&t->scope, b->hash, out->scope);
}

bool tier_has_blob(const struct tier *t, const struct blob_record *b)
{
    struct disk_key k;
    return tier_blob_key(t, b, &k) && disk_has(t->disk, &k);
}

enum status tier_read_blob(const struct tier *t, const struct blob_record *b, uint64_t off,
                           uint8_t *to, uint64_t n, struct err *err)
{
    struct disk *d = t->disk;
    struct disk_key k;
    struct disk_file f = {.fd = -1};
    if (!tier_blob_key(t, b, &k))
        return missing(err);
    enum status s =
        off ? disk_ref_quietly(d, &k, b->bytes, &f, err) : disk_ref(d, &k, b->bytes, &f, err);
    if (s != OK)
        return missing(err);
    s = disk_read(&f, off, to, (size_t)n, err);
    disk_unref(d, &f);
    if (s == OK)
        return OK;
    drop(d, &k);
    return missing(err);
}

void tier_expect_blob(const struct tier *t, const struct blob_record *b)
{
    struct disk_key k;
    if (tier_blob_key(t, b, &k))
        disk_expect(t->disk, &k, b->bytes);
}

void tier_drop_blob(const struct tier *t, const struct blob_record *b)
{
    struct disk_key k;
    if (tier_blob_key(t, b, &k))
        drop(t->disk, &k);
}
