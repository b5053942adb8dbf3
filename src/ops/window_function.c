/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* See window_function.h.  source: ONNX HannWindow-17, HammingWindow-17, BlackmanWindow-17 */
#include "ops/window_function.h"

#include <math.h>

#include "ops/element.h"

enum status window_function_dtype(const struct op_node *node, const char *op, enum dtype *out,
                                  struct err *err)
{
    int64_t t;
    enum status s = attr_int(&node->attrs, ATTR_output_datatype, DT_F32, &t, err);
    if (s != OK)
        return s;
    *out = t > 0 && t < 256 && dtype_valid((unsigned)t) ? (enum dtype)t : DT_NONE;
    if (!dtype_is_float(*out) && !dtype_is_int(*out))
        return err_set(err, E_UNSUPPORTED, "%s: output_datatype %lld is not a number we know", op,
                       (long long)t);
    return OK;
}

enum status window_function_prepare(const struct op_node *node, const char *op, const double c[3],
                                    struct window_function_params *p, struct err *err)
{
    p->op = op;
    p->c = c;
    enum status s = window_function_dtype(node, op, &p->dtype, err);
    return s == OK ? op_flag(node, ATTR_periodic, 1, &p->periodic, err) : s;
}

enum status window_function_infer(struct op_infer *ctx, struct err *err)
{
    const struct window_function_params *p = ctx->params;
    const char *op = p->op;
    int64_t size = 0;
    int n = 1;
    enum status s = op_operands(ctx, op, 1, err);
    if (s == OK)
        s = op_known(ctx, 0, err);
    if (s == OK)
        s = op_values(op, 0, ctx->in[0], &size, 1, &n, err);
    if (s != OK)
        return s;
    if (n != 1 || size < 0)
        return op_bad(op, 0, ctx->in[0], "one size that is not negative", err);
    return op_output(ctx, 0, op, p->dtype, 1, &size, err);
}

enum status window_function_run(const struct op_run *ctx, struct err *err)
{
    const struct window_function_params *p = ctx->params;
    const double *c = p->c;
    const struct tensor *y = ctx->out[0];
    int64_t n = y->dims[0], length = p->periodic ? n : MAX(n - 1, 1);
    if (tensor_get_i64(ctx->in[0], 0) != n)
        return err_set(err, E_BAD_INPUT, "%s: the size is not the one that was planned", p->op);
    for (int64_t i = 0; i < n; i++) {
        double x = 2 * M_PI * (double)i / (double)length;
        double v = c[0] - c[1] * cos(x) + c[2] * cos(2 * x);
        element_set_f64(y, i, n == 1 && !p->periodic ? 1 : v);
    }
    return OK;
}
