/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* IsInf: which elements are infinite, of the signs asked for.  source: ONNX IsInf-10, 20 */
#include <math.h>

#include "ops/ops_priv.h"

struct params {
    bool negative, positive;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = op_flag(node, ATTR_detect_negative, 1, &p->negative, err);
    return s == OK ? op_flag(node, ATTR_detect_positive, 1, &p->positive, err) : s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "IsInf", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (!dtype_is_float(x->dtype))
        return op_no_kernel("IsInf", 0, x, err);
    return op_output(ctx, 0, "IsInf", DT_BOOL, x->rank, x->dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    uint8_t *y = ctx->out[0]->data;
    for (int64_t i = 0; i < tensor_count(x); i++) {
        double v = tensor_get_f64(x, i);
        y[i] = isinf(v) && (v > 0 ? p->positive : p->negative);
    }
    return OK;
}

const struct op op_is_inf = {
    .domain = "",
    .name = "IsInf",
    .code = OP_CODE_is_inf,
    .since = {10, 20},
    .types = OP_FLOATS,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
