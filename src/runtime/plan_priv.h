/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A plan: what one program does for one set of input shapes. Its tables lie in memory of the
 * caller's, and it knows where every value will stand in other memory of the caller's:
 *
 *     book:   [tensors, operands, steps, small known values]
 *     values: [values][scratch of the widest step]
 *
 * Making a plan allocates nothing. plan_make infers and places; plan_attach writes the addresses.
 */
#ifndef ROOST_RUNTIME_PLAN_PRIV_H
#define ROOST_RUNTIME_PLAN_PRIV_H

#include "runtime/program_priv.h"

enum {
    PLAN_ALIGN = 64,
    PLAN_VALUE_BYTES_MAX = 1024, /* a value of more bytes is not computed while planning */
    PLAN_VALUES_MAX = 64,        /* as many such values' bytes are set aside at most */
    PLAN_NOWHERE = -1,           /* plan_value.root: no place in the arena */
};

/* One instruction that runs. */
struct plan_step {
    const struct program_instr *in;
    struct tensor **operands; /* in->n_in inputs, then in->n_out outputs; NULL: left out */
    uint64_t bytes;           /* of all operands: how much work it may be */
};

/* Where one tensor stands, by tensor index. Times are step numbers; a value that the caller reads
 * after the run lives until n_steps. first, last, off count for roots only. */
struct plan_value {
    int32_t root; /* the tensor among whose bytes these are; itself; PLAN_NOWHERE when known */
    uint32_t first, last; /* steps that write it and read it last */
    uint32_t shift : 28;  /* from the root's first byte, in PLAN_ALIGN bytes */
    uint32_t joins : 1;   /* its operands' bytes in a row are its own: op_infer.joins */
    uint32_t moved : 1;   /* plan_place gave it another root than plan_make */
    uint32_t of_item : 1; /* the steps that run item by item read or write it; */
    uint32_t leaves : 1;  /* it is of all items for all that: an input, or read by others */
    uint64_t bytes;
    uint64_t off; /* from the start of the values */
};

/* The orders in which roots may be placed. */
enum fit_order { FIT_BY_SIZE, FIT_BY_PEAK, FIT_BY_AREA, FIT_BY_START, FIT_ORDERS };

/* Embedded; all pointers lead into the book. */
struct plan {
    const struct program *p; /* borrowed while the program is pinned */
    struct tensor *tensors;  /* by tensor index: shapes, and data where known */
    struct tensor **operands;
    struct plan_step *steps;
    struct plan_value *values;
    int32_t *order;    /* roots, as they are placed */
    int32_t *late;     /* tensors that stand on an input's bytes: addressed at each run */
    int32_t *by_first; /* while placing: roots by the step that writes them */
    uint32_t *reach;   /* while placing: see fit.c */
    uint8_t *known;    /* small values computed while planning */
    uint64_t known_bytes, known_used;
    uint32_t n_steps, n_late;
    uint32_t item_steps; /* of these, the first ones run item by item: items.c */
    int64_t items;       /* of the batch, where such steps are */
    bool by_items;       /* while planning: the next step may be one of them */
    bool joins;          /* of some value */
    bool stepwise; /* a shape depends on data: there is no plan, all else here is meaningless */
    uint64_t book_bytes, values_bytes, scratch_bytes; /* each a multiple of PLAN_ALIGN */
    uint64_t live_bytes;      /* of the step with most bytes alive: values_bytes is never less */
    uint32_t peak;            /* that step; the first of equals */
    enum fit_order placed_by; /* the order that gave values_bytes */
};

struct plan_shapes {
    const struct tensor *in; /* by signature input: dtype, rank, dims; data is not looked at */
    const int64_t *symbols;  /* value of each symbol; -1: no input has it */
    const uint8_t *staged;   /* by signature input: copied into the arena first; NULL: none */
};

uint64_t plan_book_bytes(const struct program *p);
/* The book, in whole pages as the arena lends it, values and scratch. */
uint64_t plan_bytes(const struct plan *pl);

/* book: plan_book_bytes, PLAN_ALIGN aligned; owned by the caller, outlives the plan. OK with
 * pl->stepwise when the program cannot be planned for these shapes.
 * errors: E_BAD_INPUT (shapes that do not go through the model); E_UNSUPPORTED; E_TOO_LARGE */
enum status plan_make(struct plan *pl, const struct program *p, const struct plan_shapes *shapes,
                      void *book, struct err *err) WARN_UNUSED;
/* values: where the values begin, PLAN_ALIGN aligned. */
void plan_attach(struct plan *pl, uint8_t *values);

/* Lifetimes, sharing of bytes and places, for the steps and shapes that stand in pl.
 * errors: E_TOO_LARGE when the sum of sizes overflows */
enum status plan_place(struct plan *pl, const uint8_t *staged, struct err *err) WARN_UNUSED;
/* Gives the n roots in pl->order their places. Their bytes are multiples of PLAN_ALIGN whose sum
 * does not overflow. */
void plan_fit(struct plan *pl, uint32_t n);
/* The tensor among whose bytes t's are. */
int32_t plan_root(const struct plan *pl, int32_t t);
/* Bytes from the values' first to t's first, whose root has a place. */
uint64_t plan_offset(const struct plan *pl, int32_t t);

/* How many items dim 0 of every input counts; 1 where they do not agree. */
int64_t plan_items_of(const struct program *p, const struct tensor *in);
/* While planning: begins with the inputs' shapes, takes an instruction, ends before number `next`.
 * Taken are those whose operator says so (op.items), one after the other.
 * errors: E_TOO_LARGE */
void plan_items_begin(struct plan *pl, int64_t items);
bool plan_items_take(struct plan *pl, const struct program_instr *in);
enum status plan_items_end(struct plan *pl, uint32_t next, struct err *err) WARN_UNUSED;
/* Are the values of all items so large that running item by item is worth it? */
bool plan_items_pay(const struct plan *pl);
/* Around runs of the steps: what leaves has the shape of an item between enter and leave, and its
 * data move by so many items. */
void plan_items_enter(struct plan *pl);
void plan_items_move(struct plan *pl, int64_t by);
void plan_items_leave(struct plan *pl);

/* Shapes of an instruction's results and the scratch of its run. Sets pl->stepwise, and gives OK,
 * when a value that is not known decides a shape, or text is made. errors: those of op.infer */
enum status plan_infer(struct plan *pl, const struct program_instr *in, uint64_t *scratch,
                       struct err *err) WARN_UNUSED;
/* Bytes of a result that an infer gave.  errors: E_INTERNAL, E_BAD_INPUT, E_TOO_LARGE */
enum status plan_result_bytes(const struct tensor *t, uint64_t *bytes, struct err *err) WARN_UNUSED;
/* Does every output have the dtype and dims that its signature promises? tensors: by tensor index.
 * errors: E_CORRUPT for a dtype; `misfit` for a rank or dim */
enum status plan_check_outputs(const struct program *p, const struct tensor *tensors,
                               const int64_t *symbols, enum status misfit,
                               struct err *err) WARN_UNUSED;

#endif
