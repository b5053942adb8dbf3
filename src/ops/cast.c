/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Cast between any two numeric dtypes. Floats truncate toward zero and saturate where C leaves it
 * open; integers wrap to the narrower one, as in the frameworks; anything but 0 is true.
 * source: ONNX Cast-6, 9, 13 */
#include <inttypes.h>

#include "ops/element.h"
#include "ops/ops_priv.h"

struct params {
    enum dtype to;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    int64_t to;
    enum status s = attr_int(&node->attrs, ATTR_to, 0, &to, err);
    if (s != OK)
        return s;
    if (to <= 0 || to > UINT16_MAX || !dtype_valid((unsigned)to))
        return err_set(err, E_UNSUPPORTED, "Cast: dtype number %" PRId64 " is not supported", to);
    p->to = (enum dtype)to;
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "Cast", 1, err);
    const struct tensor *x = ctx->in[0];
    return s == OK ? op_output(ctx, 0, "Cast", p->to, x->rank, x->dims, err) : s;
}

static void convert(const struct tensor *x, const struct tensor *y, int64_t i)
{
    if (dtype_is_float(x->dtype))
        element_set_f64(y, i, tensor_get_f64(x, i));
    else if (x->dtype == DT_U64 && dtype_is_float(y->dtype))
        element_set_f64(y, i, (double)((const uint64_t *)x->data)[i]);
    else if (x->dtype == DT_U64)
        element_set_i64(y, i, (int64_t)((const uint64_t *)x->data)[i]);
    else
        element_set_i64(y, i, tensor_get_i64(x, i));
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    if (x->dtype == y->dtype) {
        op_copy(x, y);
        return OK;
    }
    int64_t n = tensor_count(x);
    for (int64_t i = 0; i < n; i++)
        convert(x, y, i);
    return OK;
}

const struct op op_cast = {
    .domain = "",
    .name = "Cast",
    .code = OP_CODE_cast,
    .since = {6, 9, 13},
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
