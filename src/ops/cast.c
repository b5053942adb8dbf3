/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Cast between any two dtypes; see cast_common.h.
 * source: ONNX Cast-6, 9, 13 */
#include <inttypes.h>

#include "ops/cast_common.h"

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
    return s == OK ? cast_infer(ctx, "Cast", p->to, err) : s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return cast_elements("Cast", ctx->in[0], ctx->out[0], err);
}

const struct op op_cast = {
    .domain = "",
    .name = "Cast",
    .code = OP_CODE_cast,
    .since = {6, 9, 13},
    .types = OP_ANY,
    .items = OP_ITEMS(0),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE | OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
