/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Cast and CastLike differ in where the target dtype stands. */
#ifndef ROOST_OPS_CAST_COMMON_H
#define ROOST_OPS_CAST_COMMON_H

#include "ops/ops_priv.h"

/* Fills output 0, which is operand 0 in dtype `to`.  errors: E_BAD_INPUT, E_UNSUPPORTED */
enum status cast_infer(struct op_infer *ctx, const char *op, enum dtype to,
                       struct err *err) WARN_UNUSED;

/* Floats truncate toward zero and saturate where C leaves it open; integers wrap to the narrower
 * one, as in the frameworks; anything but 0 is true. y has x's shape; it may stand on x's bytes.
 * errors: E_BAD_INPUT for a text that is no number, or none of the dtype */
enum status cast_elements(const char *op, const struct tensor *x, const struct tensor *y,
                          struct err *err) WARN_UNUSED;

/* ---- cast_text.c: numbers that are written out ---- */

/* Bytes of text that numbers take at most; false when that overflows. */
bool cast_text_bytes(const struct tensor *x, uint64_t *bytes) WARN_UNUSED;
/* The texts stand behind the elements of y. */
void cast_to_text(const struct tensor *x, const struct tensor *y);
/* errors: as cast_elements */
enum status cast_from_text(const char *op, const struct tensor *x, const struct tensor *y,
                           struct err *err) WARN_UNUSED;

#endif
