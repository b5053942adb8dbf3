/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The plans that a session keeps, by program and shapes, so that programs or shapes that take turns
 * are not planned again each time; the one that was not used for longest goes first. Each has its
 * book in a region that the arena lends, charged like the rest of it. */
#ifndef ROOST_RUNTIME_PLAN_SET_H
#define ROOST_RUNTIME_PLAN_SET_H

#include "runtime/plan_priv.h"
#include "runtime/stepper.h"

enum {
    PLAN_SET_MAX = 8,
    PLAN_SET_BOOKS_MAX = 16 * 1024 * 1024, /* bytes of all books but the newest */
};

/* How one program runs for one set of shapes: by a plan, or step by step. */
struct plan_entry {
    uint64_t serial; /* program_serial; 0: the entry is empty, but may have a book */
    uint64_t used;   /* when it was asked for last, in asks */
    struct region book;
    bool stepwise;    /* `steps` counts, else `plan` */
    struct plan plan; /* attached to `values` */
    uint8_t *values;  /* the start of the arena's region when the plan was attached */
    struct stepper steps;
    uint8_t staged[SIGNATURE_PORTS_MAX]; /* as in plan_shapes */
};

/* Embedded; all zero but the arena and books_max is empty. */
struct plan_set {
    struct arena *arena; /* borrowed */
    uint64_t books_max;  /* PLAN_SET_BOOKS_MAX */
    uint64_t asks, made; /* calls of plan_set_get, and plans that they made */
    uint64_t needs;      /* bytes of the arena that the last call would have needed at most */
    struct plan_entry entries[PLAN_SET_MAX];
};

/* The entry for these shapes, made if need be; staged is not NULL. The arena's region has room for
 * a plan's values and scratch, and the plan is attached. Valid until the next call.
 * errors: as plan_make, arena_reserve and arena_lend */
enum status plan_set_get(struct plan_set *set, const struct program *p,
                         const struct plan_shapes *shapes, struct plan_entry **out,
                         struct err *err) WARN_UNUSED;
/* Drops all entries and gives their books back. */
void plan_set_clear(struct plan_set *set);

#endif
