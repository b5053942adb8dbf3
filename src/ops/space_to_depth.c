/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* SpaceToDepth, of any dtype.  source: ONNX SpaceToDepth-1, 13 */
#include "ops/blocks.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return block_prepare(node, "SpaceToDepth", params, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct block_params *p = ctx->params;
    enum status s = op_operands(ctx, "SpaceToDepth", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (x->rank != 4 || x->dims[2] % p->size != 0 || x->dims[3] % p->size != 0 ||
        x->dims[1] > OP_EXTENT_MAX)
        return op_bad("SpaceToDepth", 0, x, "[n, c, h * blocksize, w * blocksize]", err);
    int64_t dims[] = {x->dims[0], x->dims[1] * p->size * p->size, x->dims[2] / p->size,
                      x->dims[3] / p->size};
    return op_output(ctx, 0, "SpaceToDepth", x->dtype, 4, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    block_copy(ctx->params, ctx->in[0], ctx->out[0], false);
    return OK;
}

const struct op op_space_to_depth = {
    .domain = "",
    .name = "SpaceToDepth",
    .code = OP_CODE_space_to_depth,
    .since = {1, 13},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct block_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
