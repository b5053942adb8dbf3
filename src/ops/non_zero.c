/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* NonZero: where the elements are that are not 0, a column for each, in order. A NaN is not 0. A
 * scalar has no coordinates: the result is [0,n].  source: ONNX NonZero-9, 13 */
#include "ops/ops_priv.h"

/* name, element, is it something? */
#define SET_TESTS(X)                                                                               \
    X(f32, float, v != 0)                                                                          \
    X(f64, double, v != 0)                                                                         \
    X(half, uint16_t, (v & 0x7fff) != 0)                                                           \
    X(b8, uint8_t, v != 0)                                                                         \
    X(b16, uint16_t, v != 0)                                                                       \
    X(b32, uint32_t, v != 0)                                                                       \
    X(b64, uint64_t, v != 0)

typedef int64_t next_fn(const void *x, int64_t i, int64_t n);

/* The first place from i on that holds something; n: none. */
#define X(name, type, test)                                                                        \
    static int64_t next_##name(const void *x, int64_t i, int64_t n)                                \
    {                                                                                              \
        for (; i < n; i++) {                                                                       \
            type v = ((const type *)x)[i];                                                         \
            if (test)                                                                              \
                break;                                                                             \
        }                                                                                          \
        return i;                                                                                  \
    }
SET_TESTS(X)
#undef X

static next_fn *pick(enum dtype t)
{
    if (t == DT_F32 || t == DT_F64)
        return t == DT_F32 ? next_f32 : next_f64;
    if (dtype_is_float(t))
        return next_half;
    switch (dtype_bytes(t)) {
    case 1:
        return next_b8;
    case 2:
        return next_b16;
    case 4:
        return next_b32;
    case 8:
        return next_b64;
    default:
        return NULL; /* texts */
    }
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "NonZero", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (!pick(x->dtype))
        return op_no_kernel("NonZero", 0, x, err);
    int64_t dims[] = {x->rank, tensor_count(x)};
    return op_output(ctx, 0, "NonZero", DT_I64, 2, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct tensor *x = ctx->in[0];
    struct tensor *y = ctx->out[0];
    next_fn *next = pick(x->dtype);
    int64_t *to = y->data, all = tensor_count(x), n = 0;
    for (int64_t i = next(x->data, 0, all); i < all; i = next(x->data, i + 1, all))
        n++;
    y->dims[1] = n;
    for (int64_t i = next(x->data, 0, all), k = 0; i < all; i = next(x->data, i + 1, all), k++)
        for (int64_t d = x->rank - 1, rest = i; d >= 0; d--) {
            to[d * n + k] = rest % x->dims[d];
            rest /= x->dims[d];
        }
    return OK;
}

const struct op op_non_zero = {
    .domain = "",
    .name = "NonZero",
    .code = OP_CODE_non_zero,
    .since = {9, 13},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_SIZED_BY_RUN,
    .infer = infer,
    .run = run,
};
