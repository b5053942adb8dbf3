/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The memory of one load: one region that holds, in the file's order, the blobs that the load
 * brings, and behind them the bind area:
 *     [blob][blob] ... [bind area]       a blob that is shared begins and ends with a page
 * What of it only the program uses is its own: the blob of small constants, the bind area. Each
 * blob that others may use is a part with a life of its own. A part that goes while others live is
 * given back to the kernel in place; the region goes, to the pool, with the last one. So any number
 * of blobs may come and go and the process has one mapping a load. Parts that are to go together
 * are announced before the first of them goes: when nobody else is left they go as one, to the
 * pool. So does what the last to leave still has, without the addresses of those before it.
 *
 * A blob that an earlier load brought lies elsewhere: the region has no room for it, and the bundle
 * only knows its address. Who keeps it there is the caller's business. */
#ifndef ROOST_RUNTIME_BUNDLE_H
#define ROOST_RUNTIME_BUNDLE_H

#include <stdatomic.h>

#include "artifact/reader.h"
#include "mem/region.h"

/* Where a blob stays. */
enum blob_home {
    BLOB_OWN,      /* in the region, with what is the program's own */
    BLOB_SHARED,   /* in the region, as a part of its own */
    BLOB_ELSEWHERE /* where another bundle has it */
};

struct bundle;

/* Embedded in the bundle. Whole pages that hold one shared blob. */
struct blob_part {
    struct bundle *bundle;
    uint8_t *base;
    uint64_t bytes; /* a multiple of REGION_PAGE */
    bool going;     /* counted in the bundle's going */
    bool released;  /* its pages are the kernel's: written by who frees it, before it leaves */
};

/* Heap; goes with its last part. */
struct bundle {
    struct region region;
    atomic_uint live; /* parts that still hold pages, the own one included; those of blobs count
                       * once they are published */
    atomic_uintptr_t announcer; /* whose thread's parts `going` counts; 0: nobody's */
    uint32_t going;             /* announced and still there; the announcer's alone */
    bool own_released;          /* as the parts' */
    uint32_t n_parts;
    struct blob_part *parts; /* of the blobs that are BLOB_SHARED, in order */
    const uint8_t **blobs;   /* by blob: its bytes; NULL until known, where it lies elsewhere */
    uint8_t *bind;           /* the bind area: bind_bytes of it */
    uint64_t bind_bytes;
};

/* May blob b be shared? It is large enough, and has its pages to itself. */
bool bundle_shareable(const struct artifact_page0 *p0, const struct blob_record *b);
/* Pages that a shared blob holds: what the ledger is charged for it. */
uint64_t bundle_blob_bytes(const struct blob_record *b);
/* homes: of each blob; NULL: all are BLOB_OWN. Only shareable ones may be anything else.
 * errors: E_NO_MEMORY; those of artifact_read_blob */
enum status bundle_new(const struct artifact_reader *r, const enum blob_home *homes,
                       struct bundle **out, struct err *err) WARN_UNUSED;
/* All blobs are BLOB_OWN, and mapped from the file's part, which is the blob area (region_map, not
 * locked).  errors: as above; E_IO */
enum status bundle_map(const struct artifact_reader *r, const struct region_file *f,
                       struct bundle **out, struct err *err) WARN_UNUSED;
/* From now on each part lives on its own. Called once, before anybody else hears of a part. */
void bundle_publish(struct bundle *b);
/* The program's own part goes, and with it those of blobs that were never published.
 * thread: any but event and exec threads   locks: takes POOL   blocks: while pages go */
void bundle_free(struct bundle **b);
/* This thread is about to free the part, before it tells anybody that its bytes are back. Only a
 * hint: where another thread is at work on the bundle, nothing is announced. */
void blob_part_announce(struct blob_part *p);
/* A published part goes: nobody reads the blob any more.  thread, locks, blocks: as above */
void blob_part_free(struct blob_part *p);

#endif
