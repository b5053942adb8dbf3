/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.BlockPack(X): [batch][channels][height][width] as blocks of 16 channels, the lanes that are
 * left over 0; float32, bfloat16 or uint8.  source: ours */
#include "ops/blocked_common.h"

static const char name[] = "BlockPack";

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, name, 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (x->dtype != DT_F32 && x->dtype != DT_BF16 && x->dtype != DT_U8)
        return op_no_kernel(name, 0, x, err);
    if (x->rank != 4)
        return op_bad(name, 0, x, "batch, channels, height and width", err);
    const int64_t dims[] = {x->dims[0], block_count(x->dims[1]), x->dims[2], x->dims[3],
                            BLOCK_LANES};
    return op_output(ctx, 0, name, x->dtype, BLOCK_RANK, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct tensor *x = ctx->in[0];
    const struct block_move m = {.batch = x->dims[0],
                                 .channels = x->dims[1],
                                 .plane = op_span(x->dims, 2, 4),
                                 .bytes = (int64_t)dtype_bytes(x->dtype),
                                 .x = x->data,
                                 .y = ctx->out[0]->data};
    if (tensor_count(ctx->out[0]))
        block_pack(&m);
    return OK;
}

const struct op op_block_pack = {
    .domain = "roost",
    .name = "BlockPack",
    .code = OP_CODE_block_pack,
    .since = {1},
    .types = OP_T(U8) | OP_T(BF16) | OP_T(F32),
    .items = OP_ITEMS(0),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
