/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* GatherND, of any dtype: the last dim of the indices holds tuples that name slices of the data.
 * source: ONNX GatherND-11, 12 (batch_dims), 13 */
#include <inttypes.h>
#include <string.h>

#include "ops/index.h"

struct params {
    int64_t batch_dims;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = attr_int(&node->attrs, ATTR_batch_dims, 0, &p->batch_dims, err);
    if (s == OK && (p->batch_dims < 0 || p->batch_dims >= TENSOR_RANK_MAX))
        return err_set(err, E_CORRUPT, "GatherND: batch_dims %" PRId64 ", expected 0 to %d",
                       p->batch_dims, TENSOR_RANK_MAX - 1);
    return s;
}

/* The tuples' length and the batch dims fit both operands. */
static enum status check(const struct params *p, const struct tensor *x, const struct tensor *index,
                         struct err *err)
{
    int b = (int)p->batch_dims;
    if (b >= x->rank || b >= index->rank)
        return op_bad("GatherND", 1, index, "more dims than batch_dims, as input 0", err);
    int64_t n = index->dims[index->rank - 1];
    if (n < 1 || n > x->rank - b)
        return op_bad("GatherND", 1, index, "tuples no longer than input 0's rank", err);
    for (int d = 0; d < b; d++)
        if (index->dims[d] != x->dims[d])
            return op_bad("GatherND", 1, index, "the batch dims of input 0", err);
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "GatherND", 2, err);
    if (s == OK)
        s = index_dtype(ctx, "GatherND", 1, err);
    if (s == OK)
        s = check(p, ctx->in[0], ctx->in[1], err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *index = ctx->in[1];
    int64_t dims[2 * TENSOR_RANK_MAX];
    int rank = 0;
    for (int d = 0; d < index->rank - 1; d++)
        dims[rank++] = index->dims[d];
    for (int d = (int)(p->batch_dims + index->dims[index->rank - 1]); d < x->rank; d++)
        dims[rank++] = x->dims[d];
    return op_output(ctx, 0, "GatherND", x->dtype, rank, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *index = ctx->in[1];
    if (tensor_count(ctx->out[0]) == 0)
        return OK;
    int b = (int)p->batch_dims, n = (int)index->dims[index->rank - 1];
    int64_t batches = op_span(index->dims, 0, b), tuples = op_span(index->dims, b, index->rank - 1);
    int64_t places = op_span(x->dims, b, b + n);
    size_t bytes = (size_t)op_span(x->dims, b + n, x->rank) * dtype_bytes(x->dtype);
    uint8_t *to = ctx->out[0]->data;
    for (int64_t i = 0; i < batches * tuples; i++, to += bytes) {
        int64_t at;
        enum status s = index_tuple("GatherND", index, i, x->dims + b, &at, err);
        if (s != OK)
            return s;
        at += i / tuples * places;
        memcpy(to, (const uint8_t *)x->data + (size_t)at * bytes, bytes);
    }
    return OK;
}

const struct op op_gather_nd = {
    .domain = "",
    .name = "GatherND",
    .code = OP_CODE_gather_nd,
    .since = {11, 12, 13},
    .types = OP_ANY,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
