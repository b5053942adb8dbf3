/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Versions whose large blobs lie apart: the object of a published version is the artifact up to
 * the first of the blobs of 64 KiB and more that end it, and those are objects of their own, named
 * by what they are, once for each tenant (docs/artifact.md). Page 0 and the table of blobs are the
 * artifact's, so nothing but the object's size tells the two forms apart: it is all of the
 * artifact, or ends exactly where such a blob begins. */
#ifndef ROOST_LOADER_THIN_H
#define ROOST_LOADER_THIN_H

#include "artifact/reader.h"
#include "store/store.h"

#define THIN_VERSIONS "_roost/models/" /* no object elsewhere is thin */
#define THIN_BLOBS "_roost/blobs/"
/* Behind a blob's key: an empty object that makes it as young as itself, where a store renews none
 * but by sending it again. */
#define THIN_RENEWED ".renewed"

/* Where the blob of a model's tenant lies: nothing but the model's name says whose it is. */
void thin_blob_key(const char *model, const uint8_t hash[SHA256_BYTES], char out[STORE_KEY_MAX]);

/* Where the artifact is cut: blobs from *first on lie apart, and *bytes are what is left. Without
 * any, *first is n_blobs and *bytes the whole file.  errors: E_CORRUPT */
enum status thin_cut(const struct artifact_reader *r, uint32_t *first, uint64_t *bytes,
                     struct err *err) WARN_UNUSED;
/* The first blob that lies apart from an object of so many bytes; n_blobs: it is whole.
 * errors: E_CORRUPT: it is neither whole nor cut where it may be */
enum status thin_first(const struct artifact_reader *r, uint64_t object_bytes, uint32_t *first,
                       struct err *err) WARN_UNUSED;

/* One tag for the version's object, whose own is `tag`, and all blobs that lie apart from it, as
 * they are now: it changes when one of theirs does. "" where a look at each would cost more than
 * hashing them (a bucket), and where one is not there or not settled.  blocks: disk */
void thin_tag(struct store *s, const char *model, const struct artifact_reader *r, const char *tag,
              char out[SHA256_HEX]);

/* Page 0 and the metadata of a version as it lies in the store, proven (not its blobs).
 * Embedded. */
struct thin_version {
    struct artifact_reader reader;
    uint8_t *meta;  /* heap */
    uint32_t first; /* blob that lies apart; n_blobs: none */
};
/* blocks: disk, network   errors: those of store_read and artifact_reader_init; E_NO_MEMORY. On
 * error there is nothing to fini. */
enum status thin_version_read(struct store *s, const char *key, const struct store_object *o,
                              struct thin_version *out, struct err *err) WARN_UNUSED;
void thin_version_fini(struct thin_version *v);

#endif
