/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Where a stepwise run's values live: counted pieces of the worker's arena, taken and dropped as
 * the run goes on. The arena grows when no free piece is large enough and nothing ever moves;
 * between runs all of it becomes one region again. */
#ifndef ROOST_RUNTIME_STEP_HEAP_H
#define ROOST_RUNTIME_STEP_HEAP_H

#include "mem/arena.h"

enum {
    PIECE_ALIGN = 64,
    PIECE_CLASSES = 58, /* free pieces by the power of two of their size in units of PIECE_ALIGN */
};

/* Stands before its bytes. */
struct piece {
    uint64_t bytes;               /* behind this header; a multiple of PIECE_ALIGN */
    struct piece *before, *after; /* neighbours in the same region, or NULL */
    struct piece *next, *prev;    /* in the list of its class, while it is free */
    uint32_t holds;               /* who holds it; 0: it is free */
};

/* Embedded; all of its memory is the arena's. */
struct step_heap {
    struct arena *arena; /* borrowed */
    struct piece *free[PIECE_CLASSES];
    uint64_t used,
        most; /* bytes of pieces in use with their headers: now, and at most in this run */
};

/* Forgets what was there and starts with all of the arena in one region.
 * errors: as arena_reserve */
enum status step_heap_open(struct step_heap *h, struct arena *arena, struct err *err) WARN_UNUSED;
/* A piece of at least `bytes`, held once; its contents are arbitrary.
 * blocks: as the arena's charge does
 * errors: E_TOO_LARGE beyond --arena-max; E_NO_MEMORY; E_NO_ROOM */
enum status step_heap_take(struct step_heap *h, uint64_t bytes, struct piece **out,
                           struct err *err) WARN_UNUSED;
/* NULL, the piece of what is not in the heap, may be held and dropped. */
void step_heap_hold(struct piece *p);
void step_heap_drop(struct step_heap *h, struct piece *p); /* frees it with the last hold */
/* Gives back what lies behind the first `bytes`. */
void step_heap_trim(struct step_heap *h, struct piece *p, uint64_t bytes);
void *piece_data(struct piece *p);

#endif
