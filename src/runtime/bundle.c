/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Whoever is not the last to leave gives its pages back before it leaves, so that the region is
 * there while it does; and since nobody ever joins, one who finds itself alone stays alone. The
 * same holds for one who finds nobody but parts that its own thread has announced: it goes on to
 * free them all, so their pages may go with the region. */
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
            b->parts[b->n_parts++] =
                (struct blob_part){.bundle = b, .base = at, .bytes = bundle_blob_bytes(&blob)};
    }
    b->bind = base + bind_start(&r->p0) - left_out;
    b->bind_bytes = b->region.bytes - (uint64_t)(b->bind - base);
    return OK;
}

static uint64_t offset(const struct bundle *b, const uint8_t *at)
{
    return (uint64_t)(at - (const uint8_t *)b->region.base);
}

/* Stretch i of the own part, which lies between part i - 1 and part i. */
static void own_stretch(const struct bundle *b, uint32_t i, uint64_t *off, uint64_t *bytes)
{
    *off = i ? offset(b, b->parts[i - 1].base) + b->parts[i - 1].bytes : 0;
    *bytes = (i < b->n_parts ? offset(b, b->parts[i].base) : b->region.bytes) - *off;
}

/* The region, of which those who left before gave their pages back. */
static void end_parts(struct bundle *b)
{
    for (uint32_t i = 0; i <= b->n_parts; i++) {
        uint64_t off, bytes;
        own_stretch(b, i, &off, &bytes);
        region_fini_part(&b->region, off, bytes, b->own_released);
        if (i < b->n_parts)
            region_fini_part(&b->region, off + bytes, b->parts[i].bytes, b->parts[i].released);
    }
}

static void discard(struct bundle **bundle)
{
    struct bundle *b = *bundle;
    bool any = b->own_released;
    *bundle = NULL;
    for (uint32_t i = 0; i < b->n_parts; i++)
        any = any || b->parts[i].released;
    if (any)
        end_parts(b);
    else
        region_fini(&b->region);
    alloc_free(b->parts);
    alloc_free(b->blobs);
    alloc_free(b);
}

/* Empty, with room for the addresses. */
static struct bundle *make(const struct artifact_page0 *p0, uint32_t parts)
{
    struct bundle *b = alloc_zero(1, sizeof(*b));
    if (!b)
        return NULL;
    atomic_init(&b->live, 1);
    b->blobs = alloc_zero((size_t)p0->n_blobs + 1, sizeof(b->blobs[0]));
    b->parts = alloc_zero((size_t)parts + 1, sizeof(b->parts[0]));
    if (!b->blobs || !b->parts)
        discard(&b);
    return b;
}

static enum status no_region(enum status s, uint64_t bytes, struct err *err)
{
    return s == E_IO
               ? err_set(err, s, "cannot be mapped")
               : err_set(err, E_NO_MEMORY, "no memory for a program of %" PRIu64 " bytes", bytes);
}

enum status bundle_new(const struct artifact_reader *r, const enum blob_home *homes,
                       struct bundle **out, struct err *err)
{
    uint64_t elsewhere;
    uint32_t parts;
    *out = NULL;
    enum status s = measure(r, homes, &elsewhere, &parts, err);
    if (s != OK)
        return s;
    const uint64_t bytes = program_bytes(&r->p0) - elsewhere;
    struct bundle *b = make(&r->p0, parts);
    s = b ? region_init(&b->region, bytes) : E_NO_MEMORY;
    s = s == OK ? place(b, r, homes, err) : no_region(s, bytes, err);
    if (s != OK && b)
        discard(&b);
    *out = b;
    return s;
}

enum status bundle_map(const struct artifact_reader *r, const struct region_file *f,
                       struct bundle **out, struct err *err)
{
    const uint64_t bytes = program_bytes(&r->p0);
    struct bundle *b = make(&r->p0, 0);
    enum status s = b ? region_map(&b->region, f, bytes, false) : E_NO_MEMORY;
    s = s == OK ? place(b, r, NULL, err) : no_region(s, bytes, err);
    if (s != OK && b)
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

/* A number that no other thread has. */
static uintptr_t this_thread(void)
{
    static _Thread_local char own;
    return (uintptr_t)&own;
}

/* Parts that this thread is about to free, beside the one at hand. */
static uint32_t going_too(struct bundle *b)
{
    return atomic_load(&b->announcer) == this_thread() ? b->going : 0;
}

void blob_part_announce(struct blob_part *p)
{
    struct bundle *b = p->bundle;
    uintptr_t nobody = 0;
    if (!atomic_compare_exchange_strong(&b->announcer, &nobody, this_thread()) &&
        nobody != this_thread())
        return;
    p->going = true;
    b->going++;
}

void bundle_free(struct bundle **bundle)
{
    struct bundle *b = *bundle;
    *bundle = NULL;
    if (!b)
        return;
    b->own_released = atomic_load(&b->live) > 1 + going_too(b);
    for (uint32_t i = 0; b->own_released && i <= b->n_parts; i++) {
        uint64_t off, bytes;
        own_stretch(b, i, &off, &bytes);
        region_release(&b->region, off, bytes);
    }
    leave(b);
}

void blob_part_free(struct blob_part *p)
{
    struct bundle *b = p->bundle;
    if (p->going && !--b->going)
        atomic_store(&b->announcer, 0);
    p->released = atomic_load(&b->live) > 1 + (p->going ? going_too(b) : 0);
    if (p->released)
        region_release(&b->region, offset(b, p->base), p->bytes);
    leave(b);
}
