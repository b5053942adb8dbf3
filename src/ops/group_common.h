/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* InstanceNormalization is GroupNormalization with a group for every channel. */
#ifndef ROOST_OPS_GROUP_COMMON_H
#define ROOST_OPS_GROUP_COMMON_H

#include "ops/ops_priv.h"

struct group_params {
    int64_t groups; /* 0: as many as channels */
    float epsilon;
    bool scale_by_group; /* scale and bias have an element for each group, not each channel */
};

enum status group_infer(struct op_infer *ctx, const char *op, struct err *err) WARN_UNUSED;
enum status group_run(const struct op_run *ctx) WARN_UNUSED;

#endif
