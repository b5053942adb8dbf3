/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Unsqueeze: inserts dims of extent 1 where axes says, counted in the output.
 * source: ONNX Unsqueeze-11 (attribute), Unsqueeze-13 (operand) */
#include "ops/axes.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return axes_prepare(node, "Unsqueeze", node->version < 13, params, err);
}

/* How many axes there are, before the output's rank is known. */
static enum status count_axes(const struct op_infer *ctx, int *n, struct err *err)
{
    const struct axes *a = ctx->params;
    int64_t unused[TENSOR_RANK_MAX];
    *n = a->n;
    return a->by_attr ? OK : op_values("Unsqueeze", 1, ctx->in[1], unused, TENSOR_RANK_MAX, n, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct axes *a = ctx->params;
    enum status s = op_operands(ctx, "Unsqueeze", a->by_attr ? 1 : 2, err);
    int n = 0;
    if (s == OK)
        s = op_known(ctx, 1, err);
    if (s == OK)
        s = count_axes(ctx, &n, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    int rank = x->rank + n, from = 0;
    unsigned mask;
    bool given;
    if (rank > TENSOR_RANK_MAX)
        return err_set(err, E_UNSUPPORTED, "Unsqueeze: rank %d, at most %d is supported", rank,
                       TENSOR_RANK_MAX);
    s = axes_mask(a, "Unsqueeze", ctx->n_in, ctx->in, rank, &mask, &given, err);
    if (s != OK)
        return s;
    int64_t dims[TENSOR_RANK_MAX];
    for (int d = 0; d < rank; d++)
        dims[d] = mask >> d & 1 ? 1 : x->dims[from++];
    return op_output(ctx, 0, "Unsqueeze", x->dtype, rank, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    op_copy(ctx->in[0], ctx->out[0]);
    return OK;
}

const struct op op_unsqueeze = {
    .domain = "",
    .name = "Unsqueeze",
    .code = OP_CODE_unsqueeze,
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
