/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Gelu: x times the normal distribution's probability below x, exactly or by its tanh formula.
 * source: ONNX Gelu-20 */
#include <string.h>

#include "ops/unary.h"

struct params {
    bool by_tanh;
};

static const struct unary_set exact = {.op = "Gelu", .f32 = gelu_f32, .f64 = gelu_f64};
static const struct unary_set by_tanh = {.op = "Gelu", .f32 = gelu_tanh_f32, .f64 = gelu_tanh_f64};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    const char *how;
    size_t len;
    enum status s = attr_string(&node->attrs, ATTR_approximate, "none", &how, &len, err);
    if (s != OK)
        return s;
    p->by_tanh = len == 4 && memcmp(how, "tanh", 4) == 0;
    if (!p->by_tanh && (len != 4 || memcmp(how, "none", 4) != 0))
        return err_set(err, E_CORRUPT, "Gelu: attribute approximate is neither none nor tanh");
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return unary_infer(ctx, &exact, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    return unary_run(ctx, p->by_tanh ? &by_tanh : &exact);
}

const struct op op_gelu = {
    .domain = "",
    .name = "Gelu",
    .code = OP_CODE_gelu,
    .since = {20},
    .types = OP_FLOATS,
    .items = OP_ITEMS(0),
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
