/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators on one operand, element by element: the output has its shape and dtype. */
#ifndef ROOST_OPS_UNARY_H
#define ROOST_OPS_UNARY_H

#include "kernels/activations.h"
#include "kernels/elementwise.h"
#include "kernels/integers.h"
#include "ops/ops_priv.h"

/* The kernels of one operator; NULL: no kernel for that dtype. float16 and bfloat16 go through f32.
 */
struct unary_set {
    const char *op;
    unary_fn *f32, *f64, *i32, *i64, *boolean;
    unary_fn *i8, *i16, *u8, *u16, *u32, *u64;
};

enum status unary_infer(struct op_infer *ctx, const struct unary_set *set,
                        struct err *err) WARN_UNUSED;
enum status unary_run(const struct op_run *ctx, const struct unary_set *set) WARN_UNUSED;

/* For operators of floats with numbers of their own. */
struct activation_set {
    const char *op;
    activation_fn *f32, *f64;
};
enum status activation_infer(struct op_infer *ctx, const char *op, struct err *err) WARN_UNUSED;
void activation_run(const struct op_run *ctx, const struct activation_set *set, const double p[2]);

#endif
