/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators on blocked tensors, float32 [batch][blocks][height][width][16] (kernels/blocked.h). The
 * compiler alone makes them: it knows how many channels stand in the blocks, and that the lanes
 * which are left over are read by nobody. */
#ifndef ROOST_OPS_BLOCK_COMMON_H
#define ROOST_OPS_BLOCK_COMMON_H

#include "kernels/blocked.h"
#include "ops/spatial.h"

enum { BLOCK_RANK = 5 };

/* Operand i is a blocked tensor.  errors: E_BAD_INPUT */
enum status block_operand(const struct op_infer *ctx, const char *op, int i,
                          struct err *err) WARN_UNUSED;
/* The same, or of bfloat16 or uint8.  errors: E_BAD_INPUT, E_UNSUPPORTED */
enum status block_narrow_operand(const struct op_infer *ctx, const char *op, int i,
                                 struct err *err) WARN_UNUSED;
/* The image of blocks as [batch][blocks][height][width], for the rules of windows. */
struct tensor block_image(const struct tensor *x);

#endif
