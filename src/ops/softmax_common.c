/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The softmax family. Until opset 12 the input is read as a matrix, split at the axis; from 13 on
 * the axis alone counts.  source: ONNX Softmax-11, Softmax-13, LogSoftmax-13 */
#include "ops/softmax_common.h"

#include "kernels/kernels.h"

enum status softmax_prepare(const struct op_node *node, void *params, struct err *err)
{
    struct softmax_params *p = params;
    p->coerce = node->version < 13;
    return attr_int(&node->attrs, ATTR_axis, p->coerce ? 1 : -1, &p->axis, err);
}

enum status softmax_infer(struct op_infer *ctx, const char *op, struct err *err)
{
    const struct softmax_params *p = ctx->params;
    enum status s = op_operands(ctx, op, 1, err);
    if (s == OK)
        s = op_only(ctx, op, 0, DT_F32, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    int axis;
    s = op_axis(op, p->axis, x->rank, p->coerce, &axis, err);
    return s == OK ? op_output(ctx, 0, op, DT_F32, x->rank, x->dims, err) : s;
}

enum status softmax_run(const struct op_run *ctx, const char *op, bool log, struct err *err)
{
    const struct softmax_params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    int axis;
    enum status s = op_axis(op, p->axis, x->rank, p->coerce, &axis, err);
    if (s != OK || tensor_count(x) == 0)
        return s;
    int64_t outer = op_span(x->dims, 0, axis);
    int64_t n = p->coerce ? op_span(x->dims, axis, x->rank) : x->dims[axis];
    int64_t inner = p->coerce ? 1 : op_span(x->dims, axis + 1, x->rank);
    softmax_f32(outer, n, inner, x->data, ctx->out[0]->data, log);
    return OK;
}
