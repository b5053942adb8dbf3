/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LpNormalization: every line along the axis divided by its 1- or 2-norm, in double; a line of
 * zeros stays one.  source: ONNX LpNormalization-1, 22 */
#include <inttypes.h>
#include <math.h>

#include "ops/element.h"
#include "ops/ops_priv.h"

struct params {
    int64_t axis, p;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = attr_int(&node->attrs, ATTR_axis, -1, &p->axis, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_p, 2, &p->p, err);
    if (s == OK && p->p != 1 && p->p != 2)
        return err_set(err, E_CORRUPT,
                       "LpNormalization: attribute p is %" PRId64 ", expected 1 or 2", p->p);
    return s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "LpNormalization", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    int axis;
    if (!dtype_is_float(x->dtype))
        return op_no_kernel("LpNormalization", 0, x, err);
    s = op_axis("LpNormalization", p->axis, x->rank, false, &axis, err);
    return s == OK ? op_output(ctx, 0, "LpNormalization", x->dtype, x->rank, x->dims, err) : s;
}

static void one_line(const struct op_run *ctx, int64_t at, int64_t n, int64_t step)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    double norm = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = tensor_get_f64(x, at + i * step);
        norm += p->p == 1 ? fabs(v) : v * v;
    }
    norm = p->p == 1 ? norm : sqrt(norm);
    for (int64_t i = 0; i < n; i++) {
        double v = tensor_get_f64(x, at + i * step);
        element_set_f64(ctx->out[0], at + i * step, norm == 0 ? 0 : v / norm);
    }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    int axis;
    enum status s = op_axis("LpNormalization", p->axis, x->rank, false, &axis, err);
    if (s != OK || tensor_count(x) == 0)
        return s;
    int64_t outer = op_span(x->dims, 0, axis), inner = op_span(x->dims, axis + 1, x->rank);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++)
            one_line(ctx, o * x->dims[axis] * inner + i, x->dims[axis], inner);
    return OK;
}

const struct op op_lp_normalization = {
    .domain = "",
    .name = "LpNormalization",
    .code = OP_CODE_lp_normalization,
    .since = {1, 22},
    .types = OP_FLOATS,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
