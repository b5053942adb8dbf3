/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* DepthToSpace, of any dtype.  source: ONNX DepthToSpace-1, 11 (mode CRD), 13 */
#include <string.h>

#include "ops/blocks.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct block_params *p = params;
    const char *mode;
    size_t len;
    enum status s = block_prepare(node, "DepthToSpace", p, err);
    if (s == OK)
        s = attr_string(&node->attrs, ATTR_mode, "DCR", &mode, &len, err);
    if (s != OK)
        return s;
    p->channels_first = len == 3 && memcmp(mode, "CRD", 3) == 0;
    if (!p->channels_first && !(len == 3 && memcmp(mode, "DCR", 3) == 0))
        return err_set(err, E_CORRUPT, "DepthToSpace: mode is neither DCR nor CRD");
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct block_params *p = ctx->params;
    enum status s = op_operands(ctx, "DepthToSpace", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (x->rank != 4 || x->dims[1] % (p->size * p->size) != 0 || x->dims[2] > OP_EXTENT_MAX ||
        x->dims[3] > OP_EXTENT_MAX)
        return op_bad("DepthToSpace", 0, x, "[n, c * blocksize^2, h, w]", err);
    int64_t dims[] = {x->dims[0], x->dims[1] / (p->size * p->size), x->dims[2] * p->size,
                      x->dims[3] * p->size};
    return op_output(ctx, 0, "DepthToSpace", x->dtype, 4, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    block_copy(ctx->params, ctx->in[0], ctx->out[0], true);
    return OK;
}

const struct op op_depth_to_space = {
    .domain = "",
    .name = "DepthToSpace",
    .code = OP_CODE_depth_to_space,
    .since = {1, 11, 13},
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
