/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The disk tier as a load sees it: heads and blobs that need not come from the store. Whatever
 * fails there is a miss, and the file at fault goes. */
#ifndef ROOST_LOADER_TIER_H
#define ROOST_LOADER_TIER_H

#include "artifact/reader.h"
#include "disk/disk.h"
#include "loader/blob_scope.h"
#include "store/store.h"

/* The key of the head of o. False: it has none, because the tag of an object that is not settled
 * may come to name other bytes. */
bool tier_head_key(const char *key, const struct store_object *o, struct disk_key *out) WARN_UNUSED;
/* Page 0 and the metadata of what the store calls o; heap, the caller's. They are what was put
 * under that name, and still to be proven. blocks: disk   errors: E_NOT_FOUND; E_NO_MEMORY */
enum status tier_read_head(struct disk *d, const char *key, const struct store_object *o,
                           uint8_t **head, size_t *bytes, struct err *err) WARN_UNUSED;
/* A head that did not prove itself goes. */
void tier_drop_head(struct disk *d, const char *key, const struct store_object *o);

/* Where the blobs of a model's loads lie. Embedded. */
struct tier {
    struct disk *disk; /* borrowed; NULL: there is none */
    struct blob_scope scope;
};

/* The key of b in t, which only those find who may share it. False: no memory. */
bool tier_blob_key(const struct tier *t, const struct blob_record *b,
                   struct disk_key *out) WARN_UNUSED;
bool tier_has_blob(const struct tier *t, const struct blob_record *b) WARN_UNUSED;

/* [off, off+n) of blob b to `to`. Its bytes were proven when they entered the tier. Only the read
 * of its first byte counts as a look-up. thread: any that may block   blocks: disk   errors:
 * E_NOT_FOUND */
enum status tier_read_blob(const struct tier *t, const struct blob_record *b, uint64_t off,
                           uint8_t *to, uint64_t n, struct err *err) WARN_UNUSED;
/* As disk_expect: blob b is read soon. */
void tier_expect_blob(const struct tier *t, const struct blob_record *b);
/* A blob that is not what its name says goes. */
void tier_drop_blob(const struct tier *t, const struct blob_record *b);

#endif
