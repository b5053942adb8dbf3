/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The last part of a compile of low precision: the graph as the passes left it is run in float32
 * over the calibration data, then narrowed, written, run again and compared. */
#ifndef ROOST_COMPILER_PRECISION_H
#define ROOST_COMPILER_PRECISION_H

#include "compiler/compiler.h"
#include "compiler/emit.h"

/* Does the wish make sense?  errors: E_UNSUPPORTED naming what is missing */
enum status precision_check(const struct precision_wish *wish, struct err *err) WARN_UNUSED;

/* Narrows g and writes it. g->precision is the wish's, not PRECISION_FP32.
 * owns: all borrowed but *artifact, which must be empty; g is what was written
 * errors: as emit's; E_UNSUPPORTED (the error is larger than allowed); E_BAD_INPUT (calibration
 * data that do not fit the model); E_CORRUPT (garbled ones) */
enum status precision_emit(struct graph *g, const struct emit_source *src,
                           const struct precision_wish *wish, struct precision_report *report,
                           struct buf *artifact, struct err *err) WARN_UNUSED;

/* ---- compare.c ---- */

/* Sums over all outputs so far. Embedded; all zero is none. */
struct comparison {
    double worst, sum, largest; /* as struct precision_report has them, sum over count elements */
    uint64_t count, rows, agreed;
};
/* Adds one output: as float32 has it, and as it came. */
void comparison_add(struct comparison *c, const struct tensor *want, const struct tensor *got);

#endif
