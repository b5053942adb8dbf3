/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* MatMulInteger: (A - a_zero) times (B - b_zero) in int32.  source: ONNX MatMulInteger-10 */
#include "ops/quant.h"

static const char name[] = "MatMulInteger";
static const struct int_operands operands = {.a = 0, .b = 1, .a_zero = 2, .b_zero = 3};

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, name, 2, err);
    struct product p;
    if (s == OK)
        s = int_product(ctx, name, &operands, &p, err);
    if (s != OK)
        return s;
    int64_t dims[TENSOR_RANK_MAX];
    int rank = product_dims(&p, ctx->in[0], ctx->in[1], dims);
    s = op_output(ctx, 0, name, DT_I32, rank, dims, err);
    /* All rows of all batches may come to be one matrix. */
    struct gemm_i8 g = {.m = INT64_MAX, .n = p.n, .k = p.k};
    ctx->scratch_bytes = gemm_i8_scratch(&g);
    return s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    struct product p;
    enum status s = product_describe(name, ctx->in[0], ctx->in[1], 1, &p, err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    int64_t count = int_product_count(ctx, &operands, &p);
    for (int64_t i = 0; i < count; i++) {
        struct gemm_i8 g = int_product_at(ctx, &operands, &p, i);
        g.y = (int32_t *)ctx->out[0]->data + i * p.m * p.n;
        g.scratch = ctx->scratch;
        gemm_i8(&g);
    }
    return OK;
}

const struct op op_matmul_integer = {
    .domain = "",
    .name = "MatMulInteger",
    .code = OP_CODE_matmul_integer,
    .since = {10},
    .types = OP_T(I8) | OP_T(U8),
    .in_min = 2,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
