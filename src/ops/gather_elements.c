/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* GatherElements, of any dtype.  source: ONNX GatherElements-11, 13 */
#include <string.h>

#include "ops/index.h"

struct params {
    int64_t axis;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return attr_int(&node->attrs, ATTR_axis, 0, &p->axis, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    int axis;
    enum status s = op_operands(ctx, "GatherElements", 2, err);
    if (s == OK)
        s = index_dtype(ctx, "GatherElements", 1, err);
    if (s == OK)
        s = op_axis("GatherElements", p->axis, ctx->in[0]->rank, false, &axis, err);
    if (s == OK)
        s = index_beside("GatherElements", ctx->in[0], ctx->in[1], axis, err);
    if (s != OK)
        return s;
    const struct tensor *index = ctx->in[1];
    return op_output(ctx, 0, "GatherElements", ctx->in[0]->dtype, index->rank, index->dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    struct index_walk walk = {.op = "GatherElements", .x = ctx->in[0], .index = ctx->in[1]};
    enum status s = op_axis(walk.op, p->axis, walk.x->rank, false, &walk.axis, err);
    size_t width = dtype_bytes(walk.x->dtype);
    int64_t n = tensor_count(walk.index), place = 0;
    uint8_t *to = ctx->out[0]->data;
    for (int64_t i = 0; i < n && s == OK; i++, to += width) {
        s = index_walk_next(&walk, &place, err);
        if (s == OK)
            memcpy(to, (const uint8_t *)walk.x->data + (size_t)place * width, width);
    }
    return s;
}

const struct op op_gather_elements = {
    .domain = "",
    .name = "GatherElements",
    .code = OP_CODE_gather_elements,
    .since = {11, 13},
    .types = OP_ANY,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
