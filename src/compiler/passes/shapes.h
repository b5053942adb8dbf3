/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The shapes of all values when every symbol has one given value; and what they tell about the
 * outputs' dims. */
#ifndef ROOST_COMPILER_PASSES_SHAPES_H
#define ROOST_COMPILER_PASSES_SHAPES_H

#include "compiler/graph.h"

enum { SHAPES_KNOWN_BYTES_MAX = 4096 }; /* of the outputs of a node that is computed on the way */

/* Embedded; all zero is valid and empty. */
struct shapes {
    struct tensor *t; /* heap; by value index; data only where it is known and small. dtype DT_NONE:
                       * unknown, because data that is not there decides the shape */
    void **owned;     /* heap; data that t points to and that is ours; by value index */
    uint32_t n;
};

/* Infers every value with symbol k = symbols[k]. Values that shapes are made of (Shape, Gather,
 * Concat, … -> Reshape) are computed on the way. A node whose shape depends on data, and what reads
 * its results, stays unknown.
 * errors: E_CORRUPT, E_UNSUPPORTED (naming operator and node); E_NO_MEMORY */
enum status shapes_infer(const struct graph *g, const int64_t *symbols, struct shapes *out,
                         struct err *err) WARN_UNUSED;
void shapes_fini(struct shapes *s);

/* Shapes at several probes: one where all symbols have different values, and some more for each
 * symbol with that one changed. */
struct probes {
    struct shapes *at; /* heap; n of them are filled */
    int64_t *symbols;  /* heap; n rows of g->n_symbols values */
    uint32_t n;
};

/* errors: as shapes_infer, when no set of probe values suits the model */
enum status probes_infer(const struct graph *g, struct probes *out, struct err *err) WARN_UNUSED;
void probes_fini(struct probes *p);
/* Is the value's dtype and rank known? */
bool probes_known(const struct probes *p, int32_t value);
/* Dim d of a known value: the constant, the symbol, or DIM_FREE, as the probes show it. */
int64_t probes_dim(const struct graph *g, const struct probes *p, int32_t value, int d);
/* Do two values have the same shape, and a known one, at every probe? */
bool probes_same_shape(const struct probes *p, int32_t a, int32_t b);

#endif
