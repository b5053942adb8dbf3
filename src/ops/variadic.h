/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators on any number of operands: one binary kernel, applied from left to right. */
#ifndef ROOST_OPS_VARIADIC_H
#define ROOST_OPS_VARIADIC_H

#include "ops/binary.h"

enum status variadic_infer(struct op_infer *ctx, const struct binary_set *set,
                           struct err *err) WARN_UNUSED;
enum status variadic_run(const struct op_run *ctx, const struct binary_set *set) WARN_UNUSED;

#endif
