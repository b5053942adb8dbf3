/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Sizes ("8GiB"), durations ("30s") and counts as people write them, and back. */
#ifndef ROOST_CLI_UNITS_H
#define ROOST_CLI_UNITS_H

#include "base/status.h"

/* Whole numbers with a unit: B KiB MiB GiB TiB or kB MB GB TB; a bare number is bytes.
 * errors: E_USAGE saying what came and what was expected */
enum status units_size(const char *text, uint64_t *bytes, struct err *err) WARN_UNUSED;
/* us ms s m h; only 0 may stand bare.  errors: E_USAGE */
enum status units_duration(const char *text, uint64_t *us, struct err *err) WARN_UNUSED;
/* Digits only.  errors: E_USAGE */
enum status units_count(const char *text, uint64_t *n, struct err *err) WARN_UNUSED;

enum { UNITS_TEXT_MAX = 32 };
/* The shortest exact spelling that reads back the same: "64MiB", "1500ms". Return out. */
const char *units_size_text(uint64_t bytes, char out[UNITS_TEXT_MAX]);
const char *units_duration_text(uint64_t us, char out[UNITS_TEXT_MAX]);
/* Rounded, for tables: "5.1 MiB", "3 min". Return out. */
const char *units_size_human(uint64_t bytes, char out[UNITS_TEXT_MAX]);
const char *units_duration_human(uint64_t us, char out[UNITS_TEXT_MAX]);

#endif
