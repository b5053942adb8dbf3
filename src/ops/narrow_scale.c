/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.NarrowScale(X, scale, shift): act(X * scale + shift) on blocks of 16 channels of uint8,
 * bfloat16 or float32, one factor and one summand per lane; a byte is the number that it is: scale
 * and shift hold what it means. Attributes: activation, act_low, act_high, and y_type, y_scale,
 * y_zero of narrow_common.h.  source: ours */
#include "ops/narrow_common.h"

static const char name[] = "NarrowScale";

struct params {
    struct epilogue epilogue;
    struct narrow_params narrow;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = op_activation(node, &p->epilogue, err);
    return s == OK ? narrow_prepare(node, name, &p->narrow, err) : s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, name, 3, err);
    if (s == OK)
        s = block_narrow_operand(ctx, name, 0, err);
    const struct tensor *x = ctx->in[0];
    for (int i = 1; i < 3 && s == OK; i++) {
        const struct tensor *v = ctx->in[i];
        if (v->dtype != DT_F32 || v->rank != 1 || v->dims[0] % BLOCK_LANES != 0 ||
            v->dims[0] / BLOCK_LANES != x->dims[1])
            s = op_bad(name, i, v, "float32, one element per lane of input 0's blocks", err);
    }
    return s == OK ? op_output(ctx, 0, name, narrow_result(&p->narrow, x), BLOCK_RANK, x->dims, err)
                   : s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    const struct narrow_scale s = {.batch = x->dims[0],
                                   .blocks = x->dims[1],
                                   .plane = op_span(x->dims, 2, 4),
                                   .x = narrow_x(&p->narrow, x),
                                   .end = {.scale = ctx->in[1]->data,
                                           .bias = ctx->in[2]->data,
                                           .y = narrow_y(&p->narrow, ctx->out[0]),
                                           .epilogue = p->epilogue}};
    if (tensor_count(x))
        narrow_scale_run(&s);
    return OK;
}

const struct op op_narrow_scale = {
    .domain = "roost",
    .name = "NarrowScale",
    .code = OP_CODE_narrow_scale,
    .since = {1},
    .types = OP_T(U8) | OP_T(BF16) | OP_T(F32),
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
