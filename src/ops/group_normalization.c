/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* GroupNormalization: num_groups groups of channels of every batch element.
 * source: ONNX GroupNormalization-18 (scale and bias by group), 21 (by channel) */
#include <inttypes.h>

#include "ops/group_common.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct group_params *p = params;
    p->scale_by_group = node->version < 21;
    enum status s = attr_float(&node->attrs, ATTR_epsilon, 1e-5f, &p->epsilon, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_num_groups, 0, &p->groups, err);
    if (s == OK && p->groups < 1)
        return err_set(err, E_CORRUPT,
                       "GroupNormalization: attribute num_groups is %" PRId64
                       ", expected at least 1",
                       p->groups);
    return s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return group_infer(ctx, "GroupNormalization", err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    return group_run(ctx);
}

const struct op op_group_normalization = {
    .domain = "",
    .name = "GroupNormalization",
    .code = OP_CODE_group_normalization,
    .since = {18, 21},
    .types = OP_FLOATS,
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct group_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
