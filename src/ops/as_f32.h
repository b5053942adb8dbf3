/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators whose kernels are float32 take other dtypes by converting: operands of input 0's dtype
 * become float32 in the scratch, the operator runs on those, and what it makes as float32 is
 * converted back, rounded once. */
#ifndef ROOST_OPS_AS_F32_H
#define ROOST_OPS_AS_F32_H

#include "ops/ops_priv.h"

/* Bits: what is converted. */
enum as_f32_what {
    AS_F32_HALF = 1,     /* float16, bfloat16 */
    AS_F32_F64 = 2,      /* rounds to float32's 24 bits: for operators without a kernel for it */
    AS_F32_INTEGERS = 4, /* and back by truncation toward 0, saturated */
    AS_F32_FIRST = 8,    /* operand 0 alone; the others may be of any dtype */
};

typedef enum status as_f32_infer_fn(struct op_infer *ctx, struct err *err);
typedef enum status as_f32_run_fn(const struct op_run *ctx, struct err *err);

/* As f would infer it for float32; with the dtype of input 0 and scratch for the copies. What is
 * not converted goes to f as it is.  errors: f's; E_BAD_INPUT for floats of different dtypes;
 * E_UNSUPPORTED */
enum status as_f32_infer(struct op_infer *ctx, const char *op, as_f32_infer_fn *f, unsigned what,
                         struct err *err) WARN_UNUSED;
enum status as_f32_run(const struct op_run *ctx, as_f32_run_fn *f, unsigned what,
                       struct err *err) WARN_UNUSED;

#endif
