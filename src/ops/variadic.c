/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Sum, Mean, Max, Min. The output takes the first two operands, then each further one in place.
 * source: ONNX Sum-8 (operands broadcast; earlier forms, where they may not, are read alike) */
#include "ops/variadic.h"

enum status variadic_infer(struct op_infer *ctx, const struct binary_set *set, struct err *err)
{
    enum status s = op_operands(ctx, set->op, ctx->n_in, err);
    if (s != OK)
        return s;
    struct tensor y = *ctx->in[0];
    if (!binary_pick(set, y.dtype))
        return op_no_kernel(set->op, 0, &y, err);
    for (int i = 1; i < ctx->n_in; i++) {
        struct tensor so_far = y;
        char ta[TENSOR_TEXT_MAX], tb[TENSOR_TEXT_MAX];
        s = op_same_dtype(ctx, set->op, i, err);
        if (s != OK)
            return s;
        if (!shape_broadcast(&so_far, ctx->in[i], &y.rank, y.dims))
            return err_set(err, E_BAD_INPUT, "%s: %s and %s do not broadcast", set->op,
                           tensor_text(&so_far, ta), tensor_text(ctx->in[i], tb));
    }
    return op_output(ctx, 0, set->op, y.dtype, y.rank, y.dims, err);
}

enum status variadic_run(const struct op_run *ctx, const struct binary_set *set)
{
    const struct tensor *y = ctx->out[0];
    binary_fn *f = binary_pick(set, y->dtype);
    if (ctx->n_in == 1) {
        op_copy(ctx->in[0], y);
        return OK;
    }
    binary_apply(f, ctx->in[0], ctx->in[1], y);
    for (int i = 2; i < ctx->n_in; i++)
        binary_apply(f, y, ctx->in[i], y);
    return OK;
}
