/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What LinearClassifier and LinearRegressor share: x * coefficients^T + intercepts. */
#ifndef ROOST_OPS_ML_LINEAR_H
#define ROOST_OPS_ML_LINEAR_H

#include "ops/ml.h"

enum ml_linear_operand { LINEAR_X, LINEAR_COEFFICIENTS, LINEAR_INTERCEPTS, LINEAR_OPERANDS };

/* The features are a matrix, the coefficients are targets rows of them, and there is one intercept
 * per target or none. Asks for the scratch that ml_linear_run wants behind `own` bytes.
 * errors: E_BAD_INPUT, E_UNSUPPORTED */
enum status ml_linear_infer(struct op_infer *c, const char *op, int64_t targets, uint64_t own,
                            struct err *err) WARN_UNUSED;
/* -> y[rows][targets]. `scratch`: what was asked for, behind the caller's own bytes. */
void ml_linear_run(const struct op_run *c, int64_t targets, float *y, void *scratch);

#endif
