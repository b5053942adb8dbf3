/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pow: a^b. An exponent of another dtype than the base is taken when it has one element.
 * source: ONNX Pow-1 (one-sided broadcast), Pow-7, Pow-15 (mixed dtypes) */
#include "ops/binary.h"

static const struct binary_set set = {.op = "Pow", .f32 = pow_f32, .f64 = pow_f64};

/* The exponent as the base's dtype; *store holds its value. */
static struct tensor converted(const struct tensor *a, const struct tensor *b, double *store)
{
    struct tensor t = *b;
    if (b->dtype == a->dtype)
        return t;
    t.dtype = a->dtype;
    t.data = store;
    return t;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "Pow", 2, err);
    if (s != OK)
        return s;
    const struct tensor *b = ctx->in[1];
    double store = 0;
    struct tensor like = converted(ctx->in[0], b, &store);
    if (b->dtype != like.dtype && tensor_count(b) != 1)
        return op_no_kernel("Pow", 1, b, err);
    const struct tensor *in[2] = {ctx->in[0], &like};
    struct op_infer same = {ctx->params, 2, ctx->n_out, in, ctx->out, 0};
    return binary_infer(&same, &set, err);
}

/* Squares are what models ask for most: they need no pow. */
static bool is_square(const struct tensor *b)
{
    return tensor_count(b) == 1 && tensor_get_f64(b, 0) == 2;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    static const struct binary_set square = {.op = "Pow", .f32 = mul_f32, .f64 = mul_f64};
    const struct tensor *a = ctx->in[0], *b = ctx->in[1];
    double store = 0;
    if (is_square(b) && shape_same(a, ctx->out[0])) {
        binary_apply(binary_pick(&square, a->dtype), a, a, ctx->out[0]);
        return OK;
    }
    struct tensor like = converted(a, b, &store);
    if (b->dtype != a->dtype && a->dtype == DT_F32)
        *(float *)(void *)&store = (float)tensor_get_f64(b, 0);
    else if (b->dtype != a->dtype)
        store = tensor_get_f64(b, 0);
    const struct tensor *in[2] = {a, &like};
    struct op_run same = *ctx;
    same.in = in;
    return binary_run(&same, &set, err);
}

const struct op op_pow = {
    .domain = "",
    .name = "Pow",
    .code = OP_CODE_pow,
    .since = {1, 7, 12, 13, 15},
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct binary_params),
    .prepare = binary_prepare,
    .infer = infer,
    .run = run,
};
