/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* CumSum: running sums along an axis that an operand names; without the element itself when
 * exclusive, from the end when reverse. Integers wrap.  source: ONNX CumSum-11, 14 */
#include "ops/element.h"
#include "ops/ops_priv.h"

struct params {
    bool exclusive, reverse;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = op_flag(node, ATTR_exclusive, 0, &p->exclusive, err);
    return s == OK ? op_flag(node, ATTR_reverse, 0, &p->reverse, err) : s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "CumSum", 2, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *axis = ctx->in[1];
    if (!dtype_is_float(x->dtype) && !dtype_is_int(x->dtype))
        return op_no_kernel("CumSum", 0, x, err);
    if ((axis->dtype != DT_I32 && axis->dtype != DT_I64) || tensor_count(axis) != 1)
        return op_bad("CumSum", 1, axis, "int32[] or int64[]", err);
    return op_output(ctx, 0, "CumSum", x->dtype, x->rank, x->dims, err);
}

/* A line of n elements, `step` apart, from element `at` on. Floats sum in double. */
static void one_line(const struct op_run *ctx, int64_t at, int64_t n, int64_t step)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    bool is_float = dtype_is_float(x->dtype);
    double sum = 0;
    uint64_t whole = 0;
    for (int64_t i = 0; i < n; i++, at += step) {
        double before = sum;
        uint64_t whole_before = whole;
        if (is_float)
            sum += tensor_get_f64(x, at);
        else
            whole += x->dtype == DT_U64 ? ((const uint64_t *)x->data)[at]
                                        : (uint64_t)tensor_get_i64(x, at);
        if (is_float)
            element_set_f64(y, at, p->exclusive ? before : sum);
        else
            element_set_i64(y, at, (int64_t)(p->exclusive ? whole_before : whole));
    }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    int axis;
    enum status s = op_axis("CumSum", tensor_get_i64(ctx->in[1], 0), x->rank, false, &axis, err);
    if (s != OK || tensor_count(x) == 0)
        return s;
    int64_t outer = op_span(x->dims, 0, axis), inner = op_span(x->dims, axis + 1, x->rank);
    int64_t n = x->dims[axis];
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++)
            one_line(ctx, o * n * inner + i + (p->reverse ? (n - 1) * inner : 0), n,
                     p->reverse ? -inner : inner);
    return OK;
}

const struct op op_cumsum = {
    .domain = "",
    .name = "CumSum",
    .code = OP_CODE_cumsum,
    .since = {11, 14},
    .types = OP_NUMBERS,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
