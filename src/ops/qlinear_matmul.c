/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* QLinearMatMul: a product of bytes, brought to the output's scale. The int32 sums become float32
 * and meet a_scale * b_scale / y_scale, as ONNX Runtime does it; the sum is rounded before the zero
 * point is added.  source: ONNX QLinearMatMul-10 */
#include "base/checked.h"
#include "ops/quant.h"

static const char name[] = "QLinearMatMul";

enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, Y_SCALE, Y_ZERO, OPERANDS };

static const struct int_operands operands = {.a = A, .b = B, .a_zero = A_ZERO, .b_zero = B_ZERO};

/* A scale has as many elements as its zero point. */
static enum status check_scales(const struct op_infer *ctx, struct err *err)
{
    enum status s = quant_count(ctx, name, A_SCALE, DT_F32, tensor_count(ctx->in[A_ZERO]), err);
    if (s == OK)
        s = quant_count(ctx, name, B_SCALE, DT_F32, tensor_count(ctx->in[B_ZERO]), err);
    if (s == OK)
        s = quant_count(ctx, name, Y_SCALE, DT_F32, 1, err);
    if (s == OK)
        s = quant_byte(ctx, name, Y_ZERO, err);
    return s == OK ? quant_count(ctx, name, Y_ZERO, ctx->in[Y_ZERO]->dtype, 1, err) : s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, name, OPERANDS, err);
    struct product p;
    if (s == OK)
        s = int_product(ctx, name, &operands, &p, err);
    if (s == OK)
        s = check_scales(ctx, err);
    if (s != OK)
        return s;
    int64_t dims[TENSOR_RANK_MAX];
    int rank = product_dims(&p, ctx->in[A], ctx->in[B], dims);
    s = op_output(ctx, 0, name, ctx->in[Y_ZERO]->dtype, rank, dims, err);
    struct gemm_i8 g = {.m = INT64_MAX, .n = p.n, .k = p.k};
    uint64_t sums;
    if (s == OK && !(checked_mul((uint64_t)tensor_count(ctx->out[0]), sizeof(int32_t), &sums) &&
                     checked_align(sums, 64, &sums) &&
                     checked_add(sums, gemm_i8_scratch(&g), &ctx->scratch_bytes) &&
                     ctx->scratch_bytes <= INT64_MAX))
        return err_set(err, E_UNSUPPORTED, "%s: the sums have no size", name);
    return s;
}

/* The scale that stands with row (of a) or column (of b) i of matrix number `matrix`. */
static float scale_at(const struct tensor *scale, int64_t matrix, int64_t rows, int64_t i)
{
    return quant_scale(scale, tensor_count(scale) == rows ? i : matrix * rows + i);
}

/* Row i of product number `number`; sums[n] -> y[n]. */
static void row(const struct op_run *ctx, const struct product *p, const int64_t at[2],
                const int32_t *sums, uint8_t *y)
{
    const struct tensor *sb = ctx->in[B_SCALE];
    struct to_bytes q = {.zero = quant_zero(ctx->in[Y_ZERO], 0)};
    q.is_signed = ctx->out[0]->dtype == DT_I8;
    float a = scale_at(ctx->in[A_SCALE], product_matrix(p, &p->a, at[0]), p->m, at[1]);
    float ys = quant_scale(ctx->in[Y_SCALE], 0);
    int64_t matrix = product_matrix(p, &p->b, at[0]);
    int64_t step = tensor_count(sb) == 1 ? p->n : 1;
    for (int64_t j = 0; j < p->n; j += step) {
        q.scale = a * scale_at(sb, matrix, p->n, j) / ys;
        requantize_i32(&q, step, sums + j, 0, y + j);
    }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    struct product p;
    enum status s = product_describe(name, ctx->in[A], ctx->in[B], B, &p, err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    int64_t count = int_product_count(ctx, &operands, &p), n = p.m * p.n;
    uint64_t sums = ((uint64_t)(count * n) * sizeof(int32_t) + 63) / 64 * 64;
    for (int64_t i = 0; i < count; i++) {
        struct gemm_i8 g = int_product_at(ctx, &operands, &p, i);
        g.y = (int32_t *)ctx->scratch + i * n;
        g.scratch = (uint8_t *)ctx->scratch + sums;
        gemm_i8(&g);
        for (int64_t r = 0; r < p.m; r++)
            row(ctx, &p, (const int64_t[]){i, r}, g.y + r * p.n,
                (uint8_t *)ctx->out[0]->data + i * n + r * p.n);
    }
    return OK;
}

const struct op op_qlinear_matmul = {
    .domain = "",
    .name = "QLinearMatMul",
    .code = OP_CODE_qlinear_matmul,
    .since = {10},
    .types = OP_T(I8) | OP_T(U8),
    .in_min = OPERANDS,
    .in_max = OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
