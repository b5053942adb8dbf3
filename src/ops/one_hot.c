/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* OneHot: values[0] everywhere, values[1] where the index points along a new axis. An index outside
 * the depth points nowhere.
 * source: ONNX OneHot-9 (indices from 0), OneHot-11 (negative ones count from the end) */
#include <string.h>

#include "kernels/strided.h"
#include "ops/ops_priv.h"

struct params {
    int64_t axis;
    bool negative; /* indices may be */
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    p->negative = node->version >= 11;
    return attr_int(&node->attrs, ATTR_axis, -1, &p->axis, err);
}

static bool number(const struct tensor *t)
{
    return dtype_is_float(t->dtype) || dtype_is_int(t->dtype);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "OneHot", 3, err);
    if (s != OK)
        return s;
    const struct tensor *index = ctx->in[0], *depth = ctx->in[1], *values = ctx->in[2];
    int axis;
    if (!number(index))
        return op_bad("OneHot", 0, index, "numbers", err);
    if (!number(depth) || depth->rank > 1 || tensor_count(depth) != 1)
        return op_bad("OneHot", 1, depth, "one number", err);
    if (values->rank != 1 || values->dims[0] != 2)
        return op_bad("OneHot", 2, values, "two elements: off and on", err);
    s = op_known(ctx, 1, err);
    if (s == OK)
        s = op_axis("OneHot", p->axis, index->rank + (p->axis < 0), p->axis >= 0, &axis, err);
    if (s != OK)
        return s;
    int64_t dims[TENSOR_RANK_MAX + 1], n = tensor_get_i64(depth, 0);
    if (n < 1)
        return op_bad("OneHot", 1, depth, "a depth of at least 1", err);
    for (int d = 0; d <= index->rank; d++)
        dims[d] = d == axis ? n : index->dims[d > axis ? d - 1 : d];
    return op_output(ctx, 0, "OneHot", values->dtype, index->rank + 1, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *index = ctx->in[0], *values = ctx->in[2], *y = ctx->out[0];
    int axis;
    enum status s = op_axis("OneHot", p->axis, y->rank, false, &axis, err);
    if (s != OK || tensor_count(y) == 0)
        return s;
    int64_t depth = y->dims[axis], inner = op_span(y->dims, axis + 1, y->rank);
    if (tensor_get_i64(ctx->in[1], 0) != depth)
        return err_set(err, E_BAD_INPUT, "OneHot: the depth is not the one that was planned");
    size_t width = dtype_bytes(y->dtype);
    struct strided fill = {.rank = 0};
    strided_dim(&fill, tensor_count(y), 0, 1);
    strided_copy(&fill, values->data, y->data, (int)width);
    const uint8_t *on = (const uint8_t *)values->data + width;
    for (int64_t i = 0; i < tensor_count(index); i++) {
        int64_t at = tensor_get_i64(index, i);
        at += at < 0 && at >= -depth && p->negative ? depth : 0;
        if (at >= 0 && at < depth)
            memcpy((uint8_t *)y->data +
                       (size_t)((i / inner * depth + at) * inner + i % inner) * width,
                   on, width);
    }
    return OK;
}

const struct op op_one_hot = {
    .domain = "",
    .name = "OneHot",
    .code = OP_CODE_one_hot,
    .since = {9, 11},
    .types = OP_ANY,
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
