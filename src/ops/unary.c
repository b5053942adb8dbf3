/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Elementwise operators of one operand. */
#include "ops/unary.h"

static unary_fn *pick(const struct unary_set *set, enum dtype t)
{
    switch (t) {
    case DT_F32:
        return set->f32;
    case DT_F64:
        return set->f64;
    case DT_I32:
        return set->i32;
    case DT_I64:
        return set->i64;
    case DT_BOOL:
        return set->boolean;
    default:
        return NULL;
    }
}

enum status unary_infer(struct op_infer *ctx, const struct unary_set *set, struct err *err)
{
    enum status s = op_operands(ctx, set->op, 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (!pick(set, x->dtype))
        return op_no_kernel(set->op, 0, x, err);
    return op_output(ctx, 0, set->op, x->dtype, x->rank, x->dims, err);
}

enum status unary_infer_f32(struct op_infer *ctx, const char *op, struct err *err)
{
    enum status s = op_operands(ctx, op, 1, err);
    if (s == OK)
        s = op_only(ctx, op, 0, DT_F32, err);
    if (s != OK)
        return s;
    return op_output(ctx, 0, op, DT_F32, ctx->in[0]->rank, ctx->in[0]->dims, err);
}

enum status unary_run(const struct op_run *ctx, const struct unary_set *set)
{
    const struct tensor *x = ctx->in[0];
    pick(set, x->dtype)(tensor_count(x), x->data, ctx->out[0]->data);
    return OK;
}
