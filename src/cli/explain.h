/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a compile did and what a run will cost, in words and in JSON: for `compile --explain` and
 * `show`. */
#ifndef ROOST_CLI_EXPLAIN_H
#define ROOST_CLI_EXPLAIN_H

#include "base/buf.h"
#include "compiler/passes/passes.h"
#include "runtime/program.h"

/* The passes' steps, one a line; of later rounds those that changed something. JSON: all steps, as
 * `, "passes": [...]`.  errors: E_NO_MEMORY, E_TOO_LARGE */
enum status explain_passes(const struct pass_log *log, bool json, struct buf *out) WARN_UNUSED;
/* What one run costs at the smallest shapes. JSON: `, "estimate": {...}`, null when there is none.
 * errors: as above */
enum status explain_run(const struct program *p, bool json, struct buf *out) WARN_UNUSED;

#endif
