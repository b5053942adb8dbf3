/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.BlockScale(X, scale, shift): act(X * scale + shift) on blocks of 16 channels, one factor
 * and one summand per lane. Attributes: activation, act_low, act_high.  source: ours */
#include "ops/blocked_common.h"

static const char name[] = "BlockScale";

struct params {
    struct epilogue epilogue;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return op_activation(node, &p->epilogue, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, name, 3, err);
    if (s == OK)
        s = block_operand(ctx, name, 0, err);
    for (int i = 1; i < 3 && s == OK; i++) {
        const struct tensor *v = ctx->in[i];
        s = op_only(ctx, name, i, DT_F32, err);
        if (s == OK && (v->rank != 1 || v->dims[0] % BLOCK_LANES != 0 ||
                        v->dims[0] / BLOCK_LANES != ctx->in[0]->dims[1]))
            s = op_bad(name, i, v, "one element per lane of input 0's blocks", err);
    }
    const struct tensor *x = ctx->in[0];
    return s == OK ? op_output(ctx, 0, name, DT_F32, BLOCK_RANK, x->dims, err) : s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    const struct block_scale s = {.batch = x->dims[0],
                                  .blocks = x->dims[1],
                                  .plane = op_span(x->dims, 2, 4),
                                  .x = x->data,
                                  .scale = ctx->in[1]->data,
                                  .shift = ctx->in[2]->data,
                                  .y = ctx->out[0]->data,
                                  .epilogue = p->epilogue};
    if (tensor_count(x))
        block_scale_f32(&s);
    return OK;
}

const struct op op_block_scale = {
    .domain = "roost",
    .name = "BlockScale",
    .code = OP_CODE_block_scale,
    .since = {1},
    .types = OP_T(F32),
    .items = OP_ITEMS(0),
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
