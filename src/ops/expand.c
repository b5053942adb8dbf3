/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Expand, of any dtype: the input broadcast with the shape in operand 1.  source: ONNX Expand-13 */
#include "kernels/strided.h"
#include "ops/ops_priv.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    struct tensor want = {0};
    enum status s = op_operands(ctx, "Expand", 2, err);
    if (s == OK)
        s = op_known(ctx, 1, err);
    if (s == OK)
        s = op_values("Expand", 1, ctx->in[1], want.dims, TENSOR_RANK_MAX, &want.rank, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    int rank;
    int64_t dims[TENSOR_RANK_MAX];
    if (!shape_broadcast(x, &want, &rank, dims))
        return op_bad("Expand", 0, x, "a shape that broadcasts with the one asked for", err);
    return op_output(ctx, 0, "Expand", x->dtype, rank, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    if (tensor_count(y) == 0)
        return OK;
    struct strided s = {.rank = 0};
    for (int d = 0; d < y->rank; d++) {
        int e = d - (y->rank - x->rank);
        int64_t step = e < 0 || x->dims[e] == 1 ? 0 : op_span(x->dims, e + 1, x->rank);
        strided_dim(&s, y->dims[d], step, op_span(y->dims, d + 1, y->rank));
    }
    strided_copy(&s, x->data, y->data, (int)dtype_bytes(x->dtype));
    return OK;
}

const struct op op_expand = {
    .domain = "",
    .name = "Expand",
    .code = OP_CODE_expand,
    .since = {8, 13},
    .types = OP_ANY,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .infer = infer,
    .run = run,
};
