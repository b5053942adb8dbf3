/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ScatterND: tuples in the last dim of the indices name slices that the updates are written to.
 * source: ONNX ScatterND-11, 13, 16 (add, mul), 18 (max, min) */
#include "ops/scatter.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = scatter_infer(ctx, "ScatterND", err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *index = ctx->in[1], *u = ctx->in[2];
    if (x->rank < 1 || index->rank < 1)
        return op_bad("ScatterND", index->rank < 1, ctx->in[index->rank < 1], "rank 1 or more",
                      err);
    int lead = index->rank - 1;
    int64_t n = index->dims[lead];
    if (n < 1 || n > x->rank)
        return op_bad("ScatterND", 1, index, "tuples no longer than input 0's rank", err);
    bool fits = u->rank == lead + x->rank - n;
    for (int d = 0; d < u->rank && fits; d++)
        fits = u->dims[d] == (d < lead ? index->dims[d] : x->dims[d - lead + n]);
    return fits ? OK : op_bad("ScatterND", 2, u, "one slice of input 0 for each tuple", err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct scatter_params *p = ctx->params;
    const struct tensor *index = ctx->in[1], *u = ctx->in[2], *y = ctx->out[0];
    int n = (int)index->dims[index->rank - 1];
    op_copy(ctx->in[0], y);
    if (tensor_count(u) == 0)
        return OK;
    int64_t slice = op_span(y->dims, n, y->rank), tuples = op_span(index->dims, 0, index->rank - 1);
    size_t bytes = (size_t)slice * dtype_bytes(y->dtype);
    const uint8_t *from = u->data;
    for (int64_t i = 0; i < tuples; i++, from += bytes) {
        int64_t at;
        enum status s = index_tuple("ScatterND", index, i, y->dims, &at, err);
        if (s != OK)
            return s;
        scatter_update(p->reduction, y->dtype, (uint8_t *)y->data + (size_t)at * bytes, from,
                       slice);
    }
    return OK;
}

const struct op op_scatter_nd = {
    .domain = "",
    .name = "ScatterND",
    .code = OP_CODE_scatter_nd,
    .since = {11, 13, 16, 18},
    .types = OP_ANY,
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE | OP_STRINGS,
    .params_bytes = sizeof(struct scatter_params),
    .prepare = scatter_prepare,
    .infer = infer,
    .run = run,
};
