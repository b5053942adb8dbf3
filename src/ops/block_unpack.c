/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.BlockUnpack(X): the first `channels` (attribute) of blocks of 16 as [batch][channels]
 * [height][width].  source: ours */
#include <inttypes.h>

#include "ops/blocked_common.h"

static const char name[] = "BlockUnpack";

struct params {
    int64_t channels;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = attr_int(&node->attrs, ATTR_channels, 0, &p->channels, err);
    if (s == OK && (p->channels < 1 || p->channels > OP_EXTENT_MAX))
        return err_set(err, E_CORRUPT, "attribute channels is %" PRId64 ", expected at least 1",
                       p->channels);
    return s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, name, 1, err);
    if (s == OK)
        s = block_narrow_operand(ctx, name, 0, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (x->dims[1] != block_count(p->channels))
        return op_bad(name, 0, x, "as many blocks as attribute channels fills", err);
    const int64_t dims[] = {x->dims[0], p->channels, x->dims[2], x->dims[3]};
    return op_output(ctx, 0, name, x->dtype, 4, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    const struct block_move m = {.batch = x->dims[0],
                                 .channels = p->channels,
                                 .plane = op_span(x->dims, 2, 4),
                                 .bytes = (int64_t)dtype_bytes(x->dtype),
                                 .x = x->data,
                                 .y = ctx->out[0]->data};
    if (tensor_count(ctx->out[0]))
        block_unpack(&m);
    return OK;
}

const struct op op_block_unpack = {
    .domain = "roost",
    .name = "BlockUnpack",
    .code = OP_CODE_block_unpack,
    .since = {1},
    .types = OP_T(U8) | OP_T(BF16) | OP_T(F32),
    .items = OP_ITEMS(0),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
