/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Elementwise operators of one operand. */
#include "ops/unary.h"

#include "ops/half.h"

static unary_fn *pick(const struct unary_set *set, enum dtype t)
{
    switch (t) {
    case DT_F32:
    case DT_F16:
    case DT_BF16:
        return set->f32;
    case DT_F64:
        return set->f64;
    case DT_I32:
        return set->i32;
    case DT_I64:
        return set->i64;
    case DT_BOOL:
        return set->boolean;
    case DT_I8:
        return set->i8;
    case DT_I16:
        return set->i16;
    case DT_U8:
        return set->u8;
    case DT_U16:
        return set->u16;
    case DT_U32:
        return set->u32;
    case DT_U64:
        return set->u64;
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

enum status unary_run(const struct op_run *ctx, const struct unary_set *set)
{
    const struct tensor *x = ctx->in[0];
    unary_fn *f = pick(set, x->dtype);
    if (dtype_is_half(x->dtype))
        half_unary(x->dtype, f, tensor_count(x), x->data, ctx->out[0]->data);
    else
        f(tensor_count(x), x->data, ctx->out[0]->data);
    return OK;
}

enum status activation_infer(struct op_infer *ctx, const char *op, struct err *err)
{
    enum status s = op_operands(ctx, op, 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (!dtype_is_float(x->dtype))
        return op_no_kernel(op, 0, x, err);
    return op_output(ctx, 0, op, x->dtype, x->rank, x->dims, err);
}

void activation_run(const struct op_run *ctx, const struct activation_set *set, const double p[2])
{
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    if (dtype_is_half(x->dtype))
        half_activation(x->dtype, set->f32, tensor_count(x), x->data, y->data, p);
    else
        (x->dtype == DT_F32 ? set->f32 : set->f64)(tensor_count(x), x->data, y->data, p);
}
