/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: the second takes scores, of which it makes
 * logarithms of probabilities first. */
#ifndef ROOST_OPS_LOSS_H
#define ROOST_OPS_LOSS_H

#include "ops/ops_priv.h"

enum loss_reduction { LOSS_NONE, LOSS_SUM, LOSS_MEAN };

struct loss_params {
    enum loss_reduction reduction;
    bool has_ignore;
    int64_t ignore; /* a class that counts for nothing */
};

enum status loss_prepare(const struct op_node *node, void *params, struct err *err);
enum status loss_infer(struct op_infer *ctx, const char *op, struct err *err) WARN_UNUSED;
enum status loss_run(const struct op_run *ctx, const char *op, bool scores,
                     struct err *err) WARN_UNUSED;

#endif
