/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The last step of a compile: graph -> artifact, with the costs that the runtime measures. */
#ifndef ROOST_COMPILER_EMIT_H
#define ROOST_COMPILER_EMIT_H

#include "base/buf.h"
#include "compiler/graph.h"

/* What the source was, for the provenance section. */
struct emit_source {
    const char *format; /* "onnx" */
    const void *bytes;  /* borrowed */
    size_t n;
    const struct precision_report *report; /* NULL: float32 */
};

/* owns: all borrowed but *artifact, which must be empty
 * errors: E_CORRUPT, E_UNSUPPORTED (shapes do not go together, or the format's limits are passed);
 * E_NO_MEMORY */
enum status emit(const struct graph *g, const struct emit_source *src, struct buf *artifact,
                 struct err *err) WARN_UNUSED;

/* The artifact's tensor of each value, or ARTIFACT_NO_TENSOR; index[g->n_values].
 * errors: E_NO_MEMORY */
enum status emit_tensors(const struct graph *g, int32_t *index, struct err *err) WARN_UNUSED;

#endif
