/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.BlockMaxPool(X): the maximum of each window over blocks of 16 channels, or of the whole
 * image when there is no kernel_shape: float32, bfloat16 or uint8, where places in the padding
 * count for nothing. MaxPool's attributes.  source: ours */
#include "ops/block_pool_common.h"

static const char name[] = "BlockMaxPool";

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return block_pool_prepare(node, name, params, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct tensor *x = ctx->n_in ? ctx->in[0] : NULL;
    return block_pool_infer(ctx, name, x ? x->dtype : DT_F32, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return block_pool_run(ctx, name, block_max, err);
}

const struct op op_block_max_pool = {
    .domain = "roost",
    .name = "BlockMaxPool",
    .code = OP_CODE_block_max_pool,
    .since = {1},
    .types = OP_T(U8) | OP_T(BF16) | OP_T(F32),
    .items = OP_ITEMS(0),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct block_pool_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
