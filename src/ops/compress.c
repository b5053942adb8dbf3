/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Compress, of any dtype: the slices along an axis (without one, the elements) for which a
 * condition holds. What lies beyond the condition's length is left out.  source: ONNX Compress-9,
 * 11 */
#include <string.h>

#include "ops/ops_priv.h"

struct params {
    int64_t axis;
    bool has_axis;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    p->has_axis = attr_find(&node->attrs, ATTR_axis) != NULL;
    return attr_int(&node->attrs, ATTR_axis, 0, &p->axis, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "Compress", 2, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *condition = ctx->in[1];
    if (condition->dtype != DT_BOOL || condition->rank != 1)
        return op_bad("Compress", 1, condition, "bool[n]", err);
    int64_t n = MIN(tensor_count(x), condition->dims[0]);
    if (!p->has_axis)
        return op_output(ctx, 0, "Compress", x->dtype, 1, &n, err);
    struct tensor y = *x;
    int axis;
    s = op_axis("Compress", p->axis, x->rank, false, &axis, err);
    if (s != OK)
        return s;
    y.dims[axis] = MIN(x->dims[axis], condition->dims[0]);
    return op_output(ctx, 0, "Compress", x->dtype, x->rank, y.dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    struct tensor *y = ctx->out[0];
    const uint8_t *wanted = ctx->in[1]->data, *from = x->data;
    uint8_t *to = y->data;
    int axis = 0;
    enum status s = p->has_axis ? op_axis("Compress", p->axis, x->rank, false, &axis, err) : OK;
    if (s != OK)
        return s;
    int64_t limit = y->dims[axis], n = 0; /* infer's: no longer than either */
    for (int64_t i = 0; i < limit; i++)
        n += wanted[i] != 0;
    y->dims[axis] = n;
    if (tensor_count(x) == 0 || n == 0)
        return OK;
    int64_t outer = p->has_axis ? op_span(x->dims, 0, axis) : 1;
    int64_t length = p->has_axis ? x->dims[axis] : tensor_count(x);
    int64_t inner = p->has_axis ? op_span(x->dims, axis + 1, x->rank) : 1;
    size_t slice = (size_t)inner * dtype_bytes(x->dtype);
    for (int64_t o = 0; o < outer; o++, from += (size_t)length * slice)
        for (int64_t i = 0; i < limit; i++)
            if (wanted[i]) {
                memcpy(to, from + (size_t)i * slice, slice);
                to += slice;
            }
    return OK;
}

const struct op op_compress = {
    .domain = "",
    .name = "Compress",
    .code = OP_CODE_compress,
    .since = {9, 11},
    .types = OP_ANY,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_SIZED_BY_RUN | OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
