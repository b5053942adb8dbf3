/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* HannWindow, HammingWindow, BlackmanWindow: sums of cosines over a length that an operand names. A
 * symmetric window of one element is 1. */
#ifndef ROOST_OPS_WINDOW_FUNCTION_H
#define ROOST_OPS_WINDOW_FUNCTION_H

#include "ops/ops_priv.h"

struct window_function_params {
    const char *op;
    const double *c;
    enum dtype dtype;
    bool periodic;
};

/* An attribute that holds a dtype of numbers.  errors: E_CORRUPT; E_UNSUPPORTED */
enum status window_function_dtype(const struct op_node *node, const char *op, enum dtype *out,
                                  struct err *err) WARN_UNUSED;

/* op and c, which are to last, are what infer and run then go by. */
enum status window_function_prepare(const struct op_node *node, const char *op, const double c[3],
                                    struct window_function_params *p, struct err *err) WARN_UNUSED;
enum status window_function_infer(struct op_infer *ctx, struct err *err) WARN_UNUSED;
/* y[i] = c[0] - c[1] cos(x) + c[2] cos(2 x), x = 2 pi i / length */
enum status window_function_run(const struct op_run *ctx, struct err *err) WARN_UNUSED;

#endif
