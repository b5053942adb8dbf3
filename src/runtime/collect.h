/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A result that Loop or Scan puts together from one slice an iteration. The first slice says what
 * all of them look like. How many there will be is known (Scan), or its memory grows by doubling.
 */
#ifndef ROOST_RUNTIME_COLLECT_H
#define ROOST_RUNTIME_COLLECT_H

#include "runtime/stepper.h"

enum { COLLECT_GROWS = -1 };

/* Embedded. Set axis and count, and all else zero, to begin with. */
struct collect {
    int64_t axis;      /* where the slices lie side by side; below 0 it counts from the end */
    int64_t count;     /* of slices, or COLLECT_GROWS: then axis is 0 */
    bool zeros;        /* not every slice will come: those read as 0 */
    bool begun;        /* a slice came */
    struct tensor one; /* what a slice is */
    struct piece *piece;
    int64_t room;          /* slices that the piece holds */
    uint64_t outer, inner; /* a slice is `outer` runs of `inner` bytes */
};

/* Copies a slice to its place.
 * errors: E_BAD_INPUT when it is not as the first one, or there is no such axis; E_UNSUPPORTED
 * beyond rank 8; those of step_heap_take */
enum status collect_put(struct stepper *s, struct collect *c, int64_t at,
                        const struct tensor *slice, struct err *err) WARN_UNUSED;
/* The result of n slices, in *piece, which the caller drops. When none came it is empty, of the
 * type that the model declares: types is op_control's, for result k of these.
 * errors: E_BAD_INPUT when nothing is declared; those of step_heap_take */
enum status collect_end(struct stepper *s, struct collect *c, int64_t n,
                        const struct tensor *declared, struct tensor *out, struct piece **piece,
                        struct err *err) WARN_UNUSED;

#endif
