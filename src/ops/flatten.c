/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Flatten: a matrix of the dims before the axis by those after.  source: ONNX Flatten-13 */
#include "ops/ops_priv.h"

struct params {
    int64_t axis;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return attr_int(&node->attrs, ATTR_axis, 1, &p->axis, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "Flatten", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    int axis;
    s = op_axis("Flatten", p->axis, x->rank, true, &axis, err);
    if (s != OK)
        return s;
    int64_t dims[2] = {op_span(x->dims, 0, axis), op_span(x->dims, axis, x->rank)};
    return op_output(ctx, 0, "Flatten", x->dtype, 2, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    op_copy(ctx->in[0], ctx->out[0]);
    return OK;
}

const struct op op_flatten = {
    .domain = "",
    .name = "Flatten",
    .code = OP_CODE_flatten,
    .since = {1, 9, 11, 13},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_VIEW | OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
