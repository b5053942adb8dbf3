/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Whoever is not the last to leave gives its pages back before it leaves, so that the region is
 * there while it does; and since nobody ever joins, one who finds itself alone stays alone. */
#include "runtime/bundle.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "runtime/program_priv.h"

bool bundle_shareable(const struct artifact_page0 *p0, const struct blob_record *b)
{
    return b->bytes >= ARTIFACT_BLOB_LEAST && artifact_blob_align(p0) == ARTIFACT_BLOB_ALIGN;
}

uint64_t bundle_blob_bytes(const struct blob_record *b)
{
    return region_round(b->bytes);
}

/* What lies elsewhere, and how many parts there will be. */
static enum status measure(const struct artifact_reader *r, const enum blob_home *homes,
                           uint64_t *elsewhere, uint32_t *parts, struct err *err)
{
    *elsewhere = *parts = 0;
    for (uint32_t i = 0; homes && i < r->p0.n_blobs; i++) {
        struct blob_record b;
        enum status s = artifact_read_blob(r, i, &b, err);
        if (s != OK)
            return s;
        ASSERT(homes[i] == BLOB_OWN || bundle_shareable(&r->p0, &b));
        *elsewhere += homes[i] == BLOB_ELSEWHERE ? bundle_blob_bytes(&b) : 0;
        *parts += homes[i] == BLOB_SHARED;
    }
    return OK;
}

static enum status place(struct bundle *b, const struct artifact_reader *r,
                         const enum blob_home *homes, struct err *err)
{
    uint64_t left_out = 0;
    uint8_t *base = b->region.base;
    for (uint32_t i = 0; i < r->p0.n_blobs; i++) {
        struct blob_record blob;
        enum status s = artifact_read_blob(r, i, &blob, err);
        if (s != OK)
            return s;
        enum blob_home home = homes ? homes[i] : BLOB_OWN;
        if (home == BLOB_ELSEWHERE) {
            left_out += bundle_blob_bytes(&blob);
            continue;
        }
        uint8_t *at = base + blob.off - left_out;
        b->blobs[i] = at;
        if (home == BLOB_SHARED)
            b->parts[b->n_parts++] = (struct blob_part){b, at, bundle_blob_bytes(&blob)};
    }
    b->bind = base + bind_start(&r->p0) - left_out;
    b->bind_bytes = b->region.bytes - (uint64_t)(b->bind - base);
    return OK;
}

static void discard(struct bundle **bundle)
{
    struct bundle *b = *bundle;
    *bundle = NULL;
    region_fini(&b->region);
    alloc_free(b->parts);
    alloc_free(b->blobs);
    alloc_free(b);
}

enum status bundle_new(const struct artifact_reader *r, const enum blob_home *homes,
                       struct bundle **out, struct err *err)
{
    const uint64_t whole = program_bytes(&r->p0);
    uint64_t elsewhere;
    uint32_t parts;
    *out = NULL;
    enum status s = measure(r, homes, &elsewhere, &parts, err);
    if (s != OK)
        return s;
    struct bundle *b = alloc_zero(1, sizeof(*b));
    if (!b)
        return err_set(err, E_NO_MEMORY, "no memory for a program");
    atomic_init(&b->live, 1);
    b->blobs = alloc_zero((size_t)r->p0.n_blobs + 1, sizeof(b->blobs[0]));
    b->parts = alloc_zero((size_t)parts + 1, sizeof(b->parts[0]));
    if (b->blobs && b->parts && region_init(&b->region, whole - elsewhere) == OK)
        s = place(b, r, homes, err);
    else
        s = err_set(err, E_NO_MEMORY, "no memory for a program of %" PRIu64 " bytes",
                    whole - elsewhere);
    if (s != OK)
        discard(&b);
    *out = b;
    return s;
}

void bundle_publish(struct bundle *b)
{
    atomic_fetch_add(&b->live, b->n_parts);
}

static void leave(struct bundle *b)
{
    if (atomic_fetch_sub(&b->live, 1) == 1)
        discard(&b);
}

static uint64_t offset(const struct bundle *b, const uint8_t *at)
{
    return (uint64_t)(at - (const uint8_t *)b->region.base);
}

void bundle_free(struct bundle **bundle)
{
    struct bundle *b = *bundle;
    *bundle = NULL;
    if (!b)
        return;
    uint64_t at = 0;
    if (atomic_load(&b->live) > 1) {
        for (uint32_t i = 0; i < b->n_parts; i++) {
            uint64_t next = offset(b, b->parts[i].base);
            region_release(&b->region, at, next - at);
            at = next + b->parts[i].bytes;
        }
        region_release(&b->region, at, b->region.bytes - at);
    }
    leave(b);
}

void blob_part_free(struct blob_part *p)
{
    struct bundle *b = p->bundle;
    if (atomic_load(&b->live) > 1)
        region_release(&b->region, offset(b, p->base), p->bytes);
    leave(b);
}
