/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The softmax family. Until opset 12 the input is read as a matrix, split at the axis; from 13 on
 * the axis alone counts.  source: ONNX Softmax-11, Softmax-13, LogSoftmax-13 */
#include "ops/softmax_common.h"

#include <math.h>

#include "kernels/kernels.h"
#include "ops/element.h"

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
    if (s == OK && !dtype_is_float(ctx->in[0]->dtype))
        s = op_no_kernel(op, 0, ctx->in[0], err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    int axis;
    s = op_axis(op, p->axis, x->rank, p->coerce, &axis, err);
    return s == OK ? op_output(ctx, 0, op, x->dtype, x->rank, x->dims, err) : s;
}

/* A line of n elements of any float, `step` apart, in double. y may be x. */
static void one_line(const struct tensor *x, const struct tensor *y, int64_t at, int64_t n,
                     int64_t step, bool log_of)
{
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = tensor_get_f64(x, at + i * step);
        most = v > most || v != v ? v : most;
    }
    for (int64_t i = 0; i < n; i++)
        sum += exp(tensor_get_f64(x, at + i * step) - most);
    for (int64_t i = 0; i < n; i++) {
        double d = tensor_get_f64(x, at + i * step) - most;
        element_set_f64(y, at + i * step, log_of ? d - log(sum) : exp(d) / sum);
    }
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
    if (x->dtype == DT_F32)
        softmax_f32(outer, n, inner, x->data, ctx->out[0]->data, log);
    for (int64_t line = 0; line < outer * inner && x->dtype != DT_F32; line++)
        one_line(x, ctx->out[0], line / inner * n * inner + line % inner, n, inner, log);
    return OK;
}
