/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Taking a node out by letting its readers read another value. A graph output keeps its own value,
 * for its name: there the other value's producer writes the output's value instead, and where it
 * cannot (the value is an input, a constant or an output itself) the node stays. Outputs of a body
 * have no names of their own: they become the other value. */
#ifndef ROOST_COMPILER_PASSES_RENAME_H
#define ROOST_COMPILER_PASSES_RENAME_H

#include "compiler/passes/edit.h"

/* Embedded; as the graph was when renaming_init ran. */
struct renaming {
    struct uses u;
    int32_t *to;     /* heap; value that stands for each value */
    bool *is_output; /* heap; of the model; no value of a body is one */
};

enum status renaming_init(const struct graph *g, struct renaming *r, struct err *err) WARN_UNUSED;
void renaming_fini(struct renaming *r);
/* The value that stands for v now; ARTIFACT_NO_TENSOR for itself. */
int32_t renaming_of(const struct renaming *r, int32_t v);
/* Buries n, whose only read result is out[0], when `from` can stand for it. */
void renaming_drop(struct graph *g, struct renaming *r, struct node *n, int32_t from);
/* Writes the new operands into all nodes and the outputs, and drops the dead ones. */
void renaming_apply(struct graph *g, const struct renaming *r);

#endif
