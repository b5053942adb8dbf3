/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "ops/blocked_common.h"

enum status block_operand(const struct op_infer *ctx, const char *op, int i, struct err *err)
{
    const struct tensor *x = ctx->in[i];
    enum status s = op_only(ctx, op, i, DT_F32, err);
    if (s == OK && (x->rank != BLOCK_RANK || x->dims[BLOCK_RANK - 1] != BLOCK_LANES))
        return op_bad(op, i, x, "float32[batch][blocks][height][width][16]", err);
    return s;
}

struct tensor block_image(const struct tensor *x)
{
    struct tensor image = *x;
    image.rank = BLOCK_RANK - 1;
    return image;
}
