/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The p-norm of LpPool and GlobalLpPool. */
#ifndef ROOST_OPS_LP_H
#define ROOST_OPS_LP_H

#include "ops/ops_priv.h"

/* Reads p: a float in the first versions, an integer since 2.  errors: E_CORRUPT */
enum status lp_read(const struct op_node *node, const char *op, double *p,
                    struct err *err) WARN_UNUSED;
/* The sum's next part, and what the sum of all comes to. */
double lp_part(double p, double v);
double lp_norm(double p, double sum);

#endif
