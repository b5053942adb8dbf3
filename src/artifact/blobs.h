/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Proves that blobs are what their SHA-256 says, while their bytes arrive; and remembers, for this
 * process, which bytes were proven, so that a model that is loaded again and again is hashed once.
 *
 * What is remembered is the content's name (page 0's hash, which covers the table of blobs)
 * together with a tag: what the store says the object is now (for files: device, inode, size and
 * times; see base/file_tag.h). Both must be the same for a load to go unhashed, and the metadata is
 * hashed in every load. So the hash still finds what a disk, a copy or a store damaged before the
 * first load, and whatever came by a write since; it no longer finds what a disk or memory damages
 * later without a write. blobs_always_hash is for those who want that too. Against who may write to
 * the store no hash in the file helps, in either mode. */
#ifndef ROOST_ARTIFACT_BLOBS_H
#define ROOST_ARTIFACT_BLOBS_H

#include "artifact/reader.h"

/* Embedded; lives while blobs of one artifact arrive, in order. */
struct blob_check {
    const struct artifact_reader *reader; /* borrowed */
    struct blob_record blob;              /* the one under way */
    struct sha256 hash;                   /* of it; ctx NULL: its bytes are complete */
    uint64_t seen;                        /* where in the blob area the next byte stands */
    uint32_t next;                        /* the blob to begin next */
    uint32_t proven;                      /* the one behind the last that is complete */
};

/* Nothing to fini yet. */
void blob_check_init(struct blob_check *c, const struct artifact_reader *r);
/* The next n bytes of the blob area.
 * errors: E_CORRUPT (names the blob); E_NO_MEMORY; after an error only blob_check_fini */
enum status blob_check_add(struct blob_check *c, const void *bytes, uint64_t n,
                           struct err *err) WARN_UNUSED;
/* The next bytes are those of blob i on; what lies between is left out. errors: E_CORRUPT */
enum status blob_check_seek(struct blob_check *c, uint32_t i, struct err *err) WARN_UNUSED;
/* All bytes before blob `end` (n_blobs: all there are) were added: none is missing since the
 * beginning, or the last seek.  errors: E_CORRUPT */
enum status blob_check_end(const struct blob_check *c, uint32_t end, struct err *err) WARN_UNUSED;
void blob_check_fini(struct blob_check *c);

enum {
    BLOBS_TAG_MAX = 128,         /* longer tags are not remembered */
    BLOBS_KNOWN_MAX = 4096,      /* contents remembered, those used last */
    BLOBS_KNOWN_LEAST = 1 << 18, /* bytes of blobs that are worth a place */
};

/* Were these blobs proven before, under this tag? Counts the bytes that are to be read as known, or
 * as to be hashed.  thread: any   locks: takes BLOBS */
bool blobs_known_part(const struct artifact_page0 *p0, const char *tag, uint64_t bytes) WARN_UNUSED;
static inline bool blobs_known(const struct artifact_page0 *p0, const char *tag)
{
    return blobs_known_part(p0, tag, p0->blob_bytes);
}
/* They were proven now, and the tag was the same before and after. */
void blobs_remember(const struct artifact_page0 *p0, const char *tag);
/* From now on all are hashed in every load, or (false, as at first) once. Forgets all. */
void blobs_always_hash(bool always);
bool blobs_hashed_always(void);

#endif
