/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pages of freed regions, kept for the next ones: a fresh page costs its first touch several times
 * what reading a file into it does. One pool for the process. It promises two bounds at all times:
 *     kept <= kept_max      and      regions in use + kept <= total_max
 * as long as the regions in use alone are below total_max. So a budget whose limit is total_max,
 * and that is charged for a region before it is made and until it is freed, is never refused
 * anything because of the pool: what is kept gives way to it, and RSS stays below the limit.
 *
 * Kept pages hold what stood in them; mem/region.h says who may see that. */
#ifndef ROOST_MEM_POOL_H
#define ROOST_MEM_POOL_H

#include "base/base.h"

enum {
    POOL_KEPT_DEFAULT = 256 * 1024 * 1024, /* kept_max before pool_set_limits */
    POOL_HUGE = 2 * 1024 * 1024,           /* a huge page */
    POOL_WHOLE_LEAST = 128 * 1024,         /* see whole_huge; a disk reads as much directly */
};

struct pool_limits {
    uint64_t kept_max;  /* bytes; 0: freed pages are the kernel's at once */
    uint64_t total_max; /* bytes */
    /* A fresh region of POOL_WHOLE_LEAST and more is cut from whole huge pages, and what it leaves
     * of the last one is kept for the next: a disk reads into 256 pages that lie together in half
     * the time that it takes for 256 that do not. For a process that makes many regions. */
    bool whole_huge;
};

/* What is kept beyond the new limits is given back. thread: any  locks: takes POOL
 * blocks: while pages are unmapped */
void pool_set_limits(const struct pool_limits *l);
struct pool_limits pool_limits(void);
uint64_t pool_kept_bytes(void);

/* ---- for region.c ---- */

/* Whole pages, next to each other. */
struct extent {
    uint8_t *base;
    uint64_t bytes;
};

/* Counts `bytes` (whole pages) as in use, and gives kept pages for them: all, or the most that lie
 * together, or none (all zero). For the rest, room was made within total_max.
 * thread: any   locks: takes POOL   blocks: while pages are unmapped that give way to the rest */
struct extent pool_take(uint64_t bytes);
/* What `bytes` leave of the last huge page; 0: nothing, or they are too few for it to matter. */
uint64_t pool_rest(uint64_t bytes);
/* Room to keep `rest` bytes that no region was, as whole_huge wants it. False: there is none, or
 * nothing to keep. They count as kept from here to pool_add.
 * thread: any   locks: takes POOL   blocks: no */
bool pool_reserve(uint64_t rest) WARN_UNUSED;
/* Brings what pool_reserve counted; base NULL: it could not be made. */
void pool_add(struct extent e);
/* Takes what pool_take counted, or a part of it: what stands in it is kept, or the kernel's on
 * return. */
void pool_put(struct extent e);
/* Takes a part of what pool_take counted, whose pages are the kernel's on return though the
 * addresses stay the caller's. *released, of a region, grows by its bytes under the pool's lock. */
void pool_release(struct extent e, uint64_t *released);
/* Gives the addresses of what pool_release took to the kernel too: they are no pages, and nothing
 * that could be kept. */
void pool_forget(struct extent e);
/* Counts as pool_take does, for pages that are none of the pool's; room was made for all of them.
 */
void pool_count(uint64_t bytes);
/* As pool_take or pool_count counted, but the pages are not there, or not any more. */
void pool_cancel(uint64_t bytes);
uint64_t pool_live_bytes(void); /* in use */
void extent_unmap(struct extent e);

#endif
