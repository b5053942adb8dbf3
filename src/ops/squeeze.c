/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Squeeze: drops dims of extent 1, all of them without axes.
 * source: ONNX Squeeze-11 (attribute), Squeeze-13 (operand) */
#include "ops/axes.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return axes_prepare(node, "Squeeze", node->version < 13, params, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "Squeeze", 1, err);
    if (s == OK)
        s = op_known(ctx, 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    unsigned mask;
    bool given;
    s = axes_mask(ctx->params, "Squeeze", ctx->n_in, ctx->in, x->rank, &mask, &given, err);
    if (s != OK)
        return s;
    int64_t dims[TENSOR_RANK_MAX];
    int rank = 0;
    for (int d = 0; d < x->rank; d++) {
        bool drop = given ? mask >> d & 1 : x->dims[d] == 1;
        if (drop && x->dims[d] != 1)
            return op_bad("Squeeze", 0, x, "extent 1 in every dim that axes names", err);
        if (!drop)
            dims[rank++] = x->dims[d];
    }
    return op_output(ctx, 0, "Squeeze", x->dtype, rank, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    op_copy(ctx->in[0], ctx->out[0]);
    return OK;
}

const struct op op_squeeze = {
    .domain = "",
    .name = "Squeeze",
    .code = OP_CODE_squeeze,
    .since = {1, 11, 13},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_VIEW | OP_STRINGS,
    .params_bytes = sizeof(struct axes),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
