/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ConstantOfShape, of any dtype. Its tensor attribute `value` stands as operand 1; without it: 0.0.
 * source: ONNX ConstantOfShape-9 */
#include <string.h>

#include "kernels/strided.h"
#include "ops/ops_priv.h"

static const struct tensor *value_of(const struct tensor *const *in, int n_in)
{
    return n_in > 1 ? in[1] : NULL;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    int64_t dims[TENSOR_RANK_MAX];
    int n = 0;
    enum status s = op_operands(ctx, "ConstantOfShape", 1, err);
    if (s == OK)
        s = op_known(ctx, 0, err);
    if (s == OK)
        s = op_values("ConstantOfShape", 0, ctx->in[0], dims, TENSOR_RANK_MAX, &n, err);
    if (s != OK)
        return s;
    const struct tensor *value = value_of(ctx->in, ctx->n_in);
    if (value && tensor_count(value) != 1)
        return op_bad("ConstantOfShape", 1, value, "one element", err);
    return op_output(ctx, 0, "ConstantOfShape", value ? value->dtype : DT_F32, n, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    static const float zero;
    const struct tensor *y = ctx->out[0], *value = value_of(ctx->in, ctx->n_in);
    struct strided s = {.rank = 0};
    strided_dim(&s, tensor_count(y), 0, 1);
    strided_copy(&s, value ? value->data : &zero, y->data, (int)dtype_bytes(y->dtype));
    return OK;
}

static const enum attr_key consts[] = {ATTR_value, ATTR_NONE};

const struct op op_constant_of_shape = {
    .domain = "",
    .name = "ConstantOfShape",
    .code = OP_CODE_constant_of_shape,
    .since = {9},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .const_attrs = consts,
    .infer = infer,
    .run = run,
};
