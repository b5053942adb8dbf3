/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the execution of Loop and of Scan share. */
#ifndef ROOST_RUNTIME_CONTROL_PRIV_H
#define ROOST_RUNTIME_CONTROL_PRIV_H

#include "ops/control.h"
#include "runtime/collect.h"

/* A value between two iterations. */
struct carried {
    struct tensor t;
    struct piece *piece; /* held; NULL: the program's bytes or the caller's */
    enum dtype dtype;    /* of the first value: the others have it, too */
};

/* One control instruction that is being executed. */
struct frame {
    struct stepper *s;
    const struct program_instr *in;
    const struct op_control *c;
    const struct program_block *body;
    struct piece *piece;   /* where the two tables lie */
    struct carried *state; /* n_state */
    struct collect *scans; /* n_scans; Scan-8: and n_state for the states' items */
    int64_t length;        /* Scan: slices of a sequence */
    int64_t base;          /* the first slot of scanned results, from which slices count */
};

static inline int32_t frame_operand(const struct frame *f, int k)
{
    return f->in->operands[k];
}

/* The body's last formals are the captures. */
void frame_define_captures(const struct frame *f);
/* State k becomes tensor `from`. */
void frame_set_state(const struct frame *f, int k, int32_t from);
/* The states go into formals 'first' and up. Nobody else holds them from then on, so that the body
 * may overwrite what it reads for the last time. */
void frame_define_states(const struct frame *f, uint32_t first);
/* After the body ran as iteration i: its results `first` and up are the next states, what follows
 * them slices.  errors: E_BAD_INPUT when a state changed its dtype; those of collect_put */
enum status frame_take_results(struct frame *f, uint32_t first, int64_t i,
                               struct err *err) WARN_UNUSED;
/* Defines the instruction's result k and gives up the caller's hold of the piece. */
void frame_give(const struct frame *f, int k, const struct tensor *t, struct piece *piece);
void frame_give_states(const struct frame *f);
/* n: slices that came.  errors: those of collect_end */
enum status frame_give_scans(const struct frame *f, int64_t n, struct err *err) WARN_UNUSED;
/* Refuses what is not one element of dtype; `what` names it.  errors: E_BAD_INPUT */
enum status control_want_one(const struct tensor *t, enum dtype dtype, const char *what,
                             struct err *err) WARN_UNUSED;

/* scan.c.  errors: as stepper_run */
enum status frame_run_scan(struct frame *f, struct err *err) WARN_UNUSED;

#endif
