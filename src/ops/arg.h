/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ArgMax and ArgMin differ in the comparison only. */
#ifndef ROOST_OPS_ARG_H
#define ROOST_OPS_ARG_H

#include "ops/ops_priv.h"

struct arg_params {
    int64_t axis;
    bool keep, last;
};

enum status arg_prepare(const struct op_node *node, void *params, struct err *err);
enum status arg_infer(struct op_infer *ctx, const char *op, struct err *err) WARN_UNUSED;
enum status arg_run(const struct op_run *ctx, const char *op, bool max,
                    struct err *err) WARN_UNUSED;

#endif
