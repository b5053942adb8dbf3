/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Concat, of any dtype.  source: ONNX Concat-1 (axis 1 by default), 4, 11, 13 */
#include <string.h>

#include "ops/ops_priv.h"

struct params {
    int64_t axis;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    if (node->version >= 4 && !attr_find(&node->attrs, ATTR_axis))
        return err_set(err, E_CORRUPT, "Concat: attribute axis is missing");
    return attr_int(&node->attrs, ATTR_axis, 1, &p->axis, err);
}

/* Operand i fits operand 0 but for the axis. */
static bool fits(const struct tensor *first, const struct tensor *x, int axis)
{
    if (x->rank != first->rank || x->dtype != first->dtype)
        return false;
    for (int d = 0; d < x->rank; d++)
        if (d != axis && x->dims[d] != first->dims[d])
            return false;
    return true;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "Concat", ctx->n_in, err);
    if (s != OK)
        return s;
    const struct tensor *first = ctx->in[0];
    int axis;
    s = op_axis("Concat", p->axis, first->rank, false, &axis, err);
    if (s != OK)
        return s;
    struct tensor y = *first;
    char text[TENSOR_TEXT_MAX];
    for (int i = 1; i < ctx->n_in; i++) {
        const struct tensor *x = ctx->in[i];
        if (!fits(first, x, axis))
            return op_bad("Concat", i, x, tensor_text(first, text), err);
        if (__builtin_add_overflow(y.dims[axis], x->dims[axis], &y.dims[axis]))
            return err_set(err, E_BAD_INPUT, "Concat: the dims along axis %d have no sum", axis);
    }
    ctx->joins = op_span(y.dims, 0, axis) == 1;
    return op_output(ctx, 0, "Concat", y.dtype, y.rank, y.dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *y = ctx->out[0];
    int axis;
    enum status s = op_axis("Concat", p->axis, y->rank, false, &axis, err);
    if (s != OK || tensor_count(y) == 0)
        return s;
    int64_t outer = op_span(y->dims, 0, axis), width = (int64_t)dtype_bytes(y->dtype);
    int64_t row = op_span(y->dims, axis, y->rank) * width;
    uint8_t *to = y->data;
    for (int i = 0; i < ctx->n_in; i++) {
        const struct tensor *x = ctx->in[i];
        int64_t bytes = op_span(x->dims, axis, x->rank) * width;
        for (int64_t o = 0; bytes && to != x->data && o < outer; o++)
            memcpy(to + o * row, (const uint8_t *)x->data + o * bytes, (size_t)bytes);
        to += bytes;
    }
    return OK;
}

const struct op op_concat = {
    .domain = "",
    .name = "Concat",
    .code = OP_CODE_concat,
    .since = {1, 4, 11, 13},
    .types = OP_ANY,
    .items = OP_ITEMS_ALL,
    .in_min = 1,
    .in_max = OP_INPUTS_MAX,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
