/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Gather, of any dtype; every index is checked against the axis when it is used.
 * source: ONNX Gather-1, Gather-11 (negative indices count from the end; accepted before too), 13
 */
#include <inttypes.h>
#include <string.h>

#include "ops/ops_priv.h"

struct params {
    int64_t axis;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return attr_int(&node->attrs, ATTR_axis, 0, &p->axis, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "Gather", 2, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *index = ctx->in[1];
    int axis;
    if (index->dtype != DT_I64 && index->dtype != DT_I32)
        return op_bad("Gather", 1, index, "int64 or int32", err);
    s = op_axis("Gather", p->axis, x->rank, false, &axis, err);
    if (s != OK)
        return s;
    int64_t dims[2 * TENSOR_RANK_MAX];
    int rank = 0;
    for (int d = 0; d < axis; d++)
        dims[rank++] = x->dims[d];
    for (int d = 0; d < index->rank; d++)
        dims[rank++] = index->dims[d];
    for (int d = axis + 1; d < x->rank; d++)
        dims[rank++] = x->dims[d];
    return op_output(ctx, 0, "Gather", x->dtype, rank, dims, err);
}

/* All indices are inside before anything is copied. */
static enum status check_indices(const struct tensor *index, int64_t extent, struct err *err)
{
    for (int64_t i = 0; i < tensor_count(index); i++) {
        int64_t at = tensor_get_i64(index, i);
        if (at < -extent || at >= extent)
            return err_set(err, E_BAD_INPUT,
                           "Gather: index %" PRId64 " at position %" PRId64
                           " is outside an axis of %" PRId64,
                           at, i, extent);
    }
    return OK;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *index = ctx->in[1];
    int axis;
    enum status s = op_axis("Gather", p->axis, x->rank, false, &axis, err);
    if (s == OK)
        s = check_indices(index, x->dims[axis], err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    int64_t bytes = op_span(x->dims, axis + 1, x->rank) * (int64_t)dtype_bytes(x->dtype);
    int64_t outer = op_span(x->dims, 0, axis), n = tensor_count(index), extent = x->dims[axis];
    uint8_t *to = ctx->out[0]->data;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < n; i++, to += bytes) {
            int64_t at = tensor_get_i64(index, i);
            at += at < 0 ? extent : 0;
            memcpy(to, (const uint8_t *)x->data + (o * extent + at) * bytes, (size_t)bytes);
        }
    return OK;
}

const struct op op_gather = {
    .domain = "",
    .name = "Gather",
    .code = OP_CODE_gather,
    .since = {1, 11, 13},
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
