/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Bump allocation over memory that somebody else owns (a program's bind area); and a worker's own
 * arena, which starts at nothing and grows by reservation: between runs as a whole, during a run by
 * pieces that do not move what is there. */
#ifndef ROOST_MEM_ARENA_H
#define ROOST_MEM_ARENA_H

#include "mem/region.h"

/* Embedded; a bump allocator over borrowed bytes. */
struct bump {
    uint8_t *base;  /* borrowed */
    uint64_t bytes; /* size of base */
    uint64_t used;  /* bytes handed out, padding included */
};

/* The next bytes at the given alignment (a power of two), NULL when they do not fit. Not zeroed. */
void *bump_take(struct bump *b, uint64_t bytes, uint64_t align) WARN_UNUSED;

/* Asked before an arena grows by `bytes`; false refuses. Told of what shrinks through `give`. */
struct arena_charge {
    enum status (*take)(void *arg, uint64_t bytes, struct err *err); /* may evict and wait */
    void (*give)(void *arg, uint64_t bytes);
    void *arg; /* borrowed; outlives the arena */
};

enum { ARENA_MORE_MAX = 64 }; /* growing by a quarter each time, enough for tens of GiB */

/* Embedded; one per worker, touched by its thread only. All that it holds is charged. */
struct arena {
    struct region region;               /* what arena_reserve made */
    struct region more[ARENA_MORE_MAX]; /* what arena_grow added since */
    uint32_t n_more;
    uint64_t lent;                     /* bytes that arena_lend gave to a keeper */
    uint64_t max;                      /* --arena-max, bytes, of all of the above */
    const struct arena_charge *charge; /* NULL: not charged (CLI, library) */
};

void arena_init(struct arena *a, uint64_t max_bytes, const struct arena_charge *charge);
void arena_fini(struct arena *a); /* what was lent is back */
/* Makes the arena's region at least `bytes` long. When it grows, all that arena_grow added is
 * joined to it, and the contents of both are lost. blocks: as charge->take does errors: E_TOO_LARGE
 * beyond max; E_NO_MEMORY; what charge->take returns */
enum status arena_reserve(struct arena *a, uint64_t bytes, struct err *err) WARN_UNUSED;
/* Adds a region of at least `bytes`; nothing moves. *out is a view of it, until arena_reserve or
 * arena_fini.  blocks, errors: as arena_reserve; E_NO_ROOM when it was added to too often */
enum status arena_grow(struct arena *a, uint64_t bytes, struct region *out,
                       struct err *err) WARN_UNUSED;
/* Bytes of its region and what was added. */
uint64_t arena_bytes(const struct arena *a);
/* A region that the caller keeps until arena_take_back, whatever becomes of the arena's own.
 * blocks, errors: as arena_reserve */
enum status arena_lend(struct arena *a, uint64_t bytes, struct region *out,
                       struct err *err) WARN_UNUSED;
void arena_take_back(struct arena *a, struct region *r);

#endif
