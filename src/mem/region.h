/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Whole pages, so that what the ledger says is what the process holds: for programs and for
 * workers' arenas. Never for small objects.
 *
 * Pages of freed regions are kept for the next ones (mem/pool.h), and a region is not zeroed: zeros
 * or what a freed region left may stand in it. Whoever makes one writes each byte before anybody
 * reads it:
 * - a program's blobs are read over their part whole, and bind_take zeroes what binding takes of
 *   the rest; what neither takes is never read;
 * - what runs put into an arena is written by its operator before another reads it, as between two
 *   runs of one worker; plans and pieces are written when they are made. */
#ifndef ROOST_MEM_REGION_H
#define ROOST_MEM_REGION_H

#include "base/status.h"

enum { REGION_PAGE = 4096 };

/* Embedded; all zero is an empty region. */
struct region {
    void *base;            /* page-aligned; owned */
    uint64_t bytes;        /* a multiple of REGION_PAGE; what the ledger is charged */
    uint64_t released;     /* of them, by region_release; guarded by POOL */
    uint64_t mapped_bytes; /* whole pages at its start that are a file's, and may only be read */
};

/* Part of a file that nobody writes to or cuts as long as it is mapped. */
struct region_file {
    int fd;         /* borrowed until return: a mapping needs none */
    uint64_t off;   /* a multiple of REGION_PAGE */
    uint64_t bytes; /* the file holds them: proven by the caller */
};

/* bytes rounded up as region_init will; UINT64_MAX on overflow. */
uint64_t region_round(uint64_t bytes);
/* Memory of at least bytes, not zeroed. Charged to a budget first, where there is one.
 * thread: any   locks: takes POOL   errors: E_NO_MEMORY
 * blocks: as pool_take (fresh pages come on first touch) */
enum status region_init(struct region *r, uint64_t bytes) WARN_UNUSED;
/* Memory of at least `bytes` that begins with the part of the file: whole pages of it are mapped,
 * as the page cache holds them, and may only be read; the rest of the part is read into pages of
 * the region's own, which go on behind it. Charged like any region: to its last page.
 *
 * `locked`: all of it is in memory on return and stays there, so that no reader ever waits for the
 * medium, and none is killed by SIGBUS because a page cannot be read. Needs RLIMIT_MEMLOCK or
 * CAP_IPC_LOCK. Not locked, pages come as they are touched, and both can happen.
 * thread: any   locks: takes POOL   blocks: disk
 * errors: E_NO_MEMORY (locked: or it may not be, or cannot be read); E_IO */
enum status region_map(struct region *r, const struct region_file *f, uint64_t bytes,
                       bool locked) WARN_UNUSED;
/* Gives its pages to the pool, or to the kernel where the pool is full or the region is a mapping.
 * thread, locks: as above
 * blocks: while pages beyond the pool's limits are unmapped */
void region_fini(struct region *r);
/* region_fini for a region of which region_release took parts: each part of it ends on its own,
 * once. Pages that are there go to the pool, addresses of released ones to the kernel. After the
 * last part the region is nothing to anybody. */
void region_fini_part(const struct region *r, uint64_t off, uint64_t bytes, bool released);
/* Gives the pages at [off, off + bytes) back to the kernel, once; nobody touches them any more, and
 * the rest of the region stays. Whole pages of one mapping leave it without splitting it, however
 * many parts a region is given back in.
 * thread: any, several at once for one region   locks: takes POOL   blocks: while they go */
void region_release(struct region *r, uint64_t off, uint64_t bytes);
/* Bytes of all regions now held, to set beside the ledger. */
uint64_t region_live_bytes(void);

#endif
