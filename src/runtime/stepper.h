/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A stepwise run: instruction after instruction infers its results' shapes with the operands'
 * values at hand, takes pieces of the heap for them, runs, and drops what nobody reads any more.
 * Views hold their source's piece; a result may overwrite its operand's piece when nobody else
 * holds it.
 *
 * What runs is a block, in an environment that knows every tensor of the program: its shape and
 * bytes, the piece that they lie in, and how many reads of it are still to come. A tensor is
 * defined (stepper_define) by the caller of its block or by its instruction, and gone when `left`
 * is 0.
 *
 * The tables lie in a book, as a plan's do; nothing here allocates but the heap. */
#ifndef ROOST_RUNTIME_STEPPER_H
#define ROOST_RUNTIME_STEPPER_H

#include "runtime/guard.h"
#include "runtime/program_priv.h"
#include "runtime/step_heap.h"

/* One tensor's bytes, by tensor index. */
struct step_value {
    struct piece *piece; /* held once while left > 0; NULL: the program's bytes or the caller's */
    uint32_t reads;      /* by the instructions and as outputs of its block, all together */
    uint32_t left;       /* of these, still to come */
};

/* Embedded; all pointers lead into the book. */
struct stepper {
    const struct program *p; /* borrowed while the program is pinned */
    struct tensor *tensors;  /* by tensor index */
    struct tensor **operands;
    struct step_value *values; /* by tensor index */
    struct step_heap heap;
    struct guard guard;
};

uint64_t stepper_book_bytes(const struct program *p);
/* book: stepper_book_bytes, 64-byte aligned; owned by the caller, outlives the stepper. */
void stepper_init(struct stepper *s, const struct program *p, void *book);

/* Begins a run: forgets all values but constants and empties the heap.
 * errors: as arena_reserve; E_TIMEOUT; E_CANCELLED */
enum status stepper_start(struct stepper *s, struct arena *arena, const struct run_limits *limits,
                          struct err *err) WARN_UNUSED;

/* Gives tensor `index` its shape and bytes; they lie in `piece` (or in none), which it holds from
 * now on until its last read. A hold of the caller's stays the caller's. */
void stepper_define(struct stepper *s, int32_t index, const struct tensor *t, struct piece *piece);
/* One read of it is done; with the last one its piece is dropped. */
void stepper_read(struct stepper *s, int32_t index);

/* Executes the block, whose formals are defined. Its outputs are then defined, with one read left
 * for each time that it names them.
 * errors: E_BAD_INPUT; E_TOO_LARGE (names node and shape); E_NO_MEMORY; E_NO_ROOM; E_TIMEOUT;
 *         E_STEPS; E_CANCELLED; E_UNSUPPORTED; E_INTERNAL. After an error the run is over. */
enum status stepper_run(struct stepper *s, const struct program_block *b,
                        struct err *err) WARN_UNUSED;

#endif
