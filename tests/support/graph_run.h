/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Runs a compiler's graph directly, operator by operator, so that what a pass leaves behind can be
 * compared with what it was given. */
#ifndef ROOST_TESTS_GRAPH_RUN_H
#define ROOST_TESTS_GRAPH_RUN_H

#include "compiler/graph.h"

/* Runs g on in[] (by signature order, actual dims). out[i].data is memory that the caller frees
 * with alloc_free.  errors: what the operators say */
enum status graph_run(struct graph *g, const struct tensor *in, struct tensor *out,
                      struct err *err) WARN_UNUSED;

/* Fills every input with numbers that depend on the seed alone; symbols become `symbol`. The data
 * is freed by the caller. */
void graph_inputs(const struct graph *g, int64_t symbol, uint32_t seed, struct tensor *in);
void tensors_free(struct tensor *t, uint32_t n);

/* Numbers in [-1, 1) from a seed, the same everywhere. */
float test_random(uint32_t *state);
void test_fill(float *p, size_t n, uint32_t seed);

uint32_t graph_count(const struct graph *g, const char *op); /* live nodes of that operator */

#endif
