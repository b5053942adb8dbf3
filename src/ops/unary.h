/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators on one operand, element by element: the output has its shape and dtype. */
#ifndef ROOST_OPS_UNARY_H
#define ROOST_OPS_UNARY_H

#include "kernels/elementwise.h"
#include "ops/ops_priv.h"

/* The kernels of one operator; NULL: no kernel for that dtype. */
struct unary_set {
    const char *op;
    unary_fn *f32, *f64, *i32, *i64, *boolean;
};

enum status unary_infer(struct op_infer *ctx, const struct unary_set *set,
                        struct err *err) WARN_UNUSED;
enum status unary_run(const struct op_run *ctx, const struct unary_set *set) WARN_UNUSED;

/* For operators with a float32 kernel alone, run by themselves. */
enum status unary_infer_f32(struct op_infer *ctx, const char *op, struct err *err) WARN_UNUSED;

#endif
