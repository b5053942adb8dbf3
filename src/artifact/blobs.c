/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One pass over the blob area in pieces of any length: bytes of a blob go into its hash, what lies
 * between two blobs must be zero. */
#include "artifact/blobs.h"

#include <inttypes.h>
#include <string.h>

void blob_check_init(struct blob_check *c, const struct artifact_reader *r)
{
    memset(c, 0, sizeof(*c));
    c->reader = r;
}

void blob_check_fini(struct blob_check *c)
{
    uint8_t ignored[SHA256_BYTES];
    if (c->hash.ctx)
        sha256_end(&c->hash, ignored);
}

/* Begins the next blob, which may not lie before what was seen. */
static enum status begin(struct blob_check *c, struct err *err)
{
    enum status s = artifact_read_blob(c->reader, c->next, &c->blob, err);
    if (s != OK)
        return s;
    if (c->blob.off < c->seen)
        return err_set(err, E_CORRUPT, "section BLOB: blob %u lies at %" PRIu64, c->next,
                       c->blob.off);
    if (sha256_init(&c->hash) != OK)
        return err_set(err, E_NO_MEMORY, "no memory to hash a blob");
    c->next++;
    return OK;
}

static enum status complete(struct blob_check *c, struct err *err)
{
    uint8_t got[SHA256_BYTES];
    sha256_end(&c->hash, got);
    c->proven = c->next;
    if (memcmp(got, c->blob.hash, SHA256_BYTES) != 0)
        return err_set(err, E_CORRUPT, "blob %u is not what its SHA-256 says", c->next - 1);
    return OK;
}

static bool all_zero(const uint8_t *p, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

/* Takes a first part of the n bytes: of the blob under way, or of what lies before the next. */
static enum status add_part(struct blob_check *c, const uint8_t *p, uint64_t n, uint64_t *took,
                            struct err *err)
{
    const uint64_t end = c->blob.off + c->blob.bytes;
    if (c->hash.ctx && c->seen >= c->blob.off) {
        *took = MIN(n, end - c->seen);
        sha256_add(&c->hash, p, *took);
        c->seen += *took;
        return c->seen == end ? complete(c, err) : OK;
    }
    *took = c->hash.ctx ? MIN(n, c->blob.off - c->seen) : n;
    if (!all_zero(p, *took))
        return err_set(err, E_CORRUPT, "blob %u: padding is not zero", c->next - 1);
    c->seen += *took;
    return OK;
}

enum status blob_check_add(struct blob_check *c, const void *bytes, uint64_t n, struct err *err)
{
    const uint8_t *p = bytes;
    enum status s = OK;
    while (s == OK && n) {
        uint64_t took = 0;
        if (!c->hash.ctx && c->next < c->reader->p0.n_blobs)
            s = begin(c, err);
        if (s == OK)
            s = add_part(c, p, n, &took, err);
        p += took;
        n -= took;
    }
    return s;
}

enum status blob_check_seek(struct blob_check *c, uint32_t i, struct err *err)
{
    struct blob_record b;
    enum status s = artifact_read_blob(c->reader, i, &b, err);
    if (s != OK)
        return s;
    blob_check_fini(c);
    c->next = c->proven = i;
    c->seen = b.off;
    return OK;
}

enum status blob_check_end(const struct blob_check *c, uint32_t end, struct err *err)
{
    if (c->proven != end)
        return err_set(err, E_CORRUPT, "section BLOB: blob %u ends behind %" PRIu64 " bytes",
                       c->proven, c->seen);
    return OK;
}
