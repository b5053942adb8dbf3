/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pow: a^b; the result has the base's dtype, the exponent any. Powers of integers wrap; a negative
 * exponent gives 1/a^|b| toward zero, and 0 for the base 0.
 * source: ONNX Pow-1 (one-sided broadcast), Pow-7, Pow-12 and 15 (mixed dtypes) */
#include <math.h>

#include "ops/binary.h"
#include "ops/broadcast.h"
#include "ops/element.h"

static const struct binary_set set = {.op = "Pow", .f32 = pow_f32, .f64 = pow_f64};

/* Operands that one binary kernel takes. */
static bool is_plain(const struct tensor *a, const struct tensor *b)
{
    return a->dtype == b->dtype && dtype_is_float(a->dtype);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "Pow", 2, err);
    if (s != OK)
        return s;
    const struct tensor *a = ctx->in[0], *b = ctx->in[1];
    if (!dtype_is_float(a->dtype) && !dtype_is_int(a->dtype))
        return op_no_kernel("Pow", 0, a, err);
    if (!dtype_is_float(b->dtype) && !dtype_is_int(b->dtype))
        return op_no_kernel("Pow", 1, b, err);
    /* Shapes alone are left to prove: as if all were float32. */
    struct tensor like_a = *a, like_b = *b;
    like_a.dtype = like_b.dtype = DT_F32;
    const struct tensor *in[2] = {&like_a, &like_b};
    struct op_infer same = {
        .params = ctx->params, .n_in = 2, .n_out = ctx->n_out, .in = in, .out = ctx->out};
    s = binary_infer(&same, &set, err);
    if (s != OK)
        return s;
    struct tensor y = *ctx->out[0];
    return op_output(ctx, 0, "Pow", a->dtype, y.rank, y.dims, err);
}

/* Squares are what models ask for most: they need no pow. */
static bool is_square(const struct tensor *b)
{
    return tensor_count(b) == 1 && tensor_get_f64(b, 0) == 2;
}

static uint64_t power(uint64_t a, uint64_t n)
{
    uint64_t y = 1;
    for (; n; n >>= 1, a *= a)
        y *= n & 1 ? a : 1;
    return y;
}

/* The low bits of a^b, for integers. */
static uint64_t integer_power(const struct tensor *a, int64_t i, const struct tensor *b, int64_t j)
{
    bool wide = a->dtype == DT_U64;
    uint64_t base = wide ? ((const uint64_t *)a->data)[i] : (uint64_t)tensor_get_i64(a, i);
    if (b->dtype == DT_U64)
        return power(base, ((const uint64_t *)b->data)[j]);
    int64_t n = tensor_get_i64(b, j);
    if (n >= 0)
        return power(base, (uint64_t)n);
    if (base == 1)
        return 1;
    return !wide && base == UINT64_MAX ? (n % 2 ? base : 1) : 0;
}

/* Any dtypes, an element at a time. */
static void mixed(const struct tensor *a, const struct tensor *b, const struct tensor *y)
{
    const struct tensor *in[2] = {a, b};
    bool integers = dtype_is_int(a->dtype) && dtype_is_int(b->dtype);
    struct broadcast w;
    if (tensor_count(y) == 0)
        return;
    broadcast_begin(&w, y, in, 2);
    int64_t n = broadcast_run_count(&w), at = 0;
    do {
        for (int64_t k = 0; k < n; k++, at++) {
            int64_t i = w.at[0] + k * broadcast_run_step(&w, 0);
            int64_t j = w.at[1] + k * broadcast_run_step(&w, 1);
            if (integers)
                element_set_i64(y, at, (int64_t)integer_power(a, i, b, j));
            else
                element_set_f64(y, at, pow(tensor_get_f64(a, i), tensor_get_f64(b, j)));
        }
    } while (broadcast_next(&w));
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    static const struct binary_set square = {.op = "Pow", .f32 = mul_f32, .f64 = mul_f64};
    const struct tensor *a = ctx->in[0], *y = ctx->out[0];
    struct tensor b;
    if (is_square(ctx->in[1]) && shape_same(a, y) && dtype_is_float(a->dtype)) {
        binary_apply(binary_pick(&square, a->dtype), a, a, y);
        return OK;
    }
    if (is_plain(a, ctx->in[1]))
        return binary_run(ctx, &set, err);
    enum status s = binary_align(ctx->params, "Pow", a, ctx->in[1], &b, err);
    if (s == OK)
        mixed(a, &b, y);
    return s;
}

const struct op op_pow = {
    .domain = "",
    .name = "Pow",
    .code = OP_CODE_pow,
    .since = {1, 7, 12, 13, 15},
    .types = OP_NUMBERS,
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
