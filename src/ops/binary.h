/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators on two operands, element by element. */
#ifndef ROOST_OPS_BINARY_H
#define ROOST_OPS_BINARY_H

#include "kernels/elementwise.h"
#include "kernels/integers.h"
#include "ops/ops_priv.h"

/* The kernels of one operator; NULL: no kernel for that dtype. float16 and bfloat16 go through f32.
 */
#define BINARY_INTEGERS(name)                                                                      \
    .i8 = name##_i8, .i16 = name##_i16, .i32 = name##_i32, .i64 = name##_i64, .u8 = name##_u8,     \
    .u16 = name##_u16, .u32 = name##_u32, .u64 = name##_u64
struct binary_set {
    const char *op;
    binary_fn *f32, *f64, *i32, *i64, *boolean;
    binary_fn *i8, *i16, *u8, *u16, *u32, *u64, *string;
    bool to_bool; /* the result is bool (comparisons) */
};

/* Before opset 7 the second operand broadcast only on request, and from a chosen axis. */
struct binary_params {
    bool legacy, broadcast, has_axis;
    int64_t axis;
};

/* For operators that have a form before opset 7 (version < 7 is such a form). */
enum status binary_prepare(const struct op_node *node, void *params, struct err *err);
enum status binary_infer(struct op_infer *ctx, const struct binary_set *set,
                         struct err *err) WARN_UNUSED;
enum status binary_run(const struct op_run *ctx, const struct binary_set *set,
                       struct err *err) WARN_UNUSED;

/* The second operand b as numpy's rules would align it with a: legacy operands get trailing ones.
 * p may be NULL (no legacy form).  errors: E_BAD_INPUT */
enum status binary_align(const struct binary_params *p, const char *op, const struct tensor *a,
                         const struct tensor *b, struct tensor *out, struct err *err) WARN_UNUSED;

/* y = f(a, b) with an f of the operands' dtype (the float32 one for 16-bit floats), both broadcast
 * to y's shape. y may be a when it has a's shape. */
void binary_apply(binary_fn *f, const struct tensor *a, const struct tensor *b,
                  const struct tensor *y);
binary_fn *binary_pick(const struct binary_set *set, enum dtype t); /* NULL: none */

#endif
