/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Cast and CastLike differ in where the target dtype stands. */
#ifndef ROOST_OPS_CAST_COMMON_H
#define ROOST_OPS_CAST_COMMON_H

#include "ops/ops_priv.h"

/* Floats truncate toward zero and saturate where C leaves it open; integers wrap to the narrower
 * one, as in the frameworks; anything but 0 is true. y has x's shape; it may stand on x's bytes. */
void cast_elements(const struct tensor *x, const struct tensor *y);

#endif
