/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Softmax and LogSoftmax differ in the last step only. */
#ifndef ROOST_OPS_SOFTMAX_COMMON_H
#define ROOST_OPS_SOFTMAX_COMMON_H

#include "ops/ops_priv.h"

struct softmax_params {
    int64_t axis;
    bool coerce; /* before 13: all dims from the axis on count as one */
};

enum status softmax_prepare(const struct op_node *node, void *params, struct err *err);
enum status softmax_infer(struct op_infer *ctx, const char *op, struct err *err) WARN_UNUSED;
enum status softmax_run(const struct op_run *ctx, const char *op, bool log,
                        struct err *err) WARN_UNUSED;

#endif
