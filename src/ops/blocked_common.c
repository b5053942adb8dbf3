/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "ops/blocked_common.h"

static enum status has_blocks(const struct op_infer *ctx, const char *op, int i, struct err *err)
{
    const struct tensor *x = ctx->in[i];
    if (x->rank != BLOCK_RANK || x->dims[BLOCK_RANK - 1] != BLOCK_LANES)
        return op_bad(op, i, x, "[batch][blocks][height][width][16]", err);
    return OK;
}

enum status block_operand(const struct op_infer *ctx, const char *op, int i, struct err *err)
{
    enum status s = op_only(ctx, op, i, DT_F32, err);
    return s == OK ? has_blocks(ctx, op, i, err) : s;
}

enum status block_narrow_operand(const struct op_infer *ctx, const char *op, int i, struct err *err)
{
    const enum dtype t = ctx->in[i]->dtype;
    if (t != DT_F32 && t != DT_BF16 && t != DT_U8)
        return op_no_kernel(op, i, ctx->in[i], err);
    return has_blocks(ctx, op, i, err);
}

struct tensor block_image(const struct tensor *x)
{
    struct tensor image = *x;
    image.rank = BLOCK_RANK - 1;
    return image;
}
