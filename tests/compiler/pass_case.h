/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A pass under test: a small model, read into a graph; the pass; and the proof that the outputs
 * stay what they were. */
#ifndef ROOST_TESTS_PASS_CASE_H
#define ROOST_TESTS_PASS_CASE_H

#include "compiler/compiler.h"
#include "compiler/passes/passes.h"
#include "support/graph_run.h"
#include "support/onnx_build.h"
#include "support/support.h"

typedef enum status pass_fn(struct graph *g, struct err *err);

/* A graph read from a finished build, with its file. */
struct subject {
    struct buf file;
    struct graph *g;
    struct err err;
};

void subject_init(struct subject *s, struct onnx_build *m);
void subject_fini(struct subject *s);
/* Runs the pass and proves that the outputs stay as they were, for two sizes of the symbol. */
void apply(struct subject *s, pass_fn *pass);
/* ... within atol + rtol * |before|. */
void apply_within(struct subject *s, pass_fn *pass, double rtol, double atol);
/* All passes but those named in `off` ("" for none), proved the same way. */
void apply_all(struct subject *s, const char *off);

/* An initializer of seeded numbers in [-1, 1). */
void random_init(struct onnx_build *m, const char *name, int rank, const int64_t *dims,
                 uint32_t seed);
void scalar_init(struct onnx_build *m, const char *name, float v);

#endif
