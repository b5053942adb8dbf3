/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Hardmax: 1 where the first largest element along the axis stands, 0 elsewhere. Before 13 all dims
 * from the axis on count as one.  source: ONNX Hardmax-1, 11, 13 */
#include "ops/element.h"
#include "ops/softmax_common.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct softmax_params *p = ctx->params;
    enum status s = op_operands(ctx, "Hardmax", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    int axis;
    if (!dtype_is_float(x->dtype))
        return op_no_kernel("Hardmax", 0, x, err);
    s = op_axis("Hardmax", p->axis, x->rank, p->coerce, &axis, err);
    return s == OK ? op_output(ctx, 0, "Hardmax", x->dtype, x->rank, x->dims, err) : s;
}

static void one_line(const struct tensor *x, const struct tensor *y, int64_t at, int64_t n,
                     int64_t step)
{
    int64_t best = 0;
    double most = tensor_get_f64(x, at);
    for (int64_t i = 1; i < n; i++) {
        double v = tensor_get_f64(x, at + i * step);
        if (v > most || (v != v && most == most)) {
            most = v;
            best = i;
        }
    }
    for (int64_t i = 0; i < n; i++)
        element_set_i64(y, at + i * step, i == best);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct softmax_params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    int axis;
    enum status s = op_axis("Hardmax", p->axis, x->rank, p->coerce, &axis, err);
    if (s != OK || tensor_count(x) == 0)
        return s;
    int64_t outer = op_span(x->dims, 0, axis);
    int64_t n = p->coerce ? op_span(x->dims, axis, x->rank) : x->dims[axis];
    int64_t inner = p->coerce ? 1 : op_span(x->dims, axis + 1, x->rank);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++)
            one_line(x, ctx->out[0], o * n * inner + i, n, inner);
    return OK;
}

const struct op op_hardmax = {
    .domain = "",
    .name = "Hardmax",
    .code = OP_CODE_hardmax,
    .since = {1, 11, 13},
    .types = OP_FLOATS,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct softmax_params),
    .prepare = softmax_prepare,
    .infer = infer,
    .run = run,
};
