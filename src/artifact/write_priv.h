/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the two halves of the writer share: the raw sections and blobs of one artifact. */
#ifndef ROOST_ARTIFACT_WRITE_PRIV_H
#define ROOST_ARTIFACT_WRITE_PRIV_H

#include "artifact/reader.h"

struct writer_blob {
    uint8_t hash[SHA256_BYTES];
    const void *data; /* borrowed from the source, or from writer.pack */
    uint64_t bytes;
};

/* Embedded; all zero but src to begin with. */
struct writer {
    const struct artifact_source *src; /* borrowed */
    struct artifact_page0 p0;          /* filled as the parts become known */
    struct buf sections[SECTION_COUNT + 1];
    struct buf pack;           /* the blob of small constants, always blob 0 when not empty */
    struct writer_blob *blobs; /* heap; room for one a tensor and the pack */
};

/* Fills the sections and the list of blobs.  errors: E_NO_MEMORY; E_UNSUPPORTED beyond a limit */
enum status writer_sections(struct writer *w, struct err *err) WARN_UNUSED;
/* Decides where every constant lies, fills TENS, BLOB and PACK.  errors: as above */
enum status writer_constants(struct writer *w, struct err *err) WARN_UNUSED;
/* Appends a name to STRS and gives its offset.  errors: as above */
enum status writer_name(struct writer *w, const char *name, uint32_t *off,
                        struct err *err) WARN_UNUSED;
/* Appends the blob area. */
enum status writer_blobs(const struct writer *w, struct buf *out) WARN_UNUSED;
void writer_fini(struct writer *w);

/* Zeros up to the next multiple of align. */
enum status writer_pad(struct buf *b, size_t align) WARN_UNUSED;
/* Is packing to `stored` bytes worth the time to unpack? */
bool writer_pays(size_t stored, size_t raw);

#endif
