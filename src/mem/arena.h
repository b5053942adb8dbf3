/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Bump allocation. Two kinds: over memory that somebody else owns (a program's bind area), and a
 * worker's own arena, which starts at nothing and grows by reservation between runs. */
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

/* Embedded; one per worker, touched by its thread only. */
struct arena {
    struct region region;              /* what is held and charged */
    uint64_t max;                      /* --arena-max, bytes */
    const struct arena_charge *charge; /* NULL: not charged (CLI, library) */
};

void arena_init(struct arena *a, uint64_t max_bytes, const struct arena_charge *charge);
void arena_fini(struct arena *a);
/* Makes the arena at least `bytes` long; contents are lost when it grows.
 * blocks: as charge->take does
 * errors: E_TOO_LARGE beyond max; E_NO_MEMORY; what charge->take returns */
enum status arena_reserve(struct arena *a, uint64_t bytes, struct err *err) WARN_UNUSED;

#endif
