/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* MatMul: numpy's rules.  source: ONNX MatMul-13 */
#include "kernels/kernels.h"
#include "ops/matmul_common.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "MatMul", 2, err);
    for (int i = 0; i < 2 && s == OK; i++)
        s = op_only(ctx, "MatMul", i, DT_F32, err);
    struct product p;
    if (s == OK)
        s = product_describe("MatMul", ctx->in[0], ctx->in[1], 1, &p, err);
    if (s != OK)
        return s;
    int64_t dims[TENSOR_RANK_MAX];
    int rank = product_dims(&p, ctx->in[0], ctx->in[1], dims);
    return op_output(ctx, 0, "MatMul", DT_F32, rank, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    struct product p;
    enum status s = product_describe("MatMul", ctx->in[0], ctx->in[1], 1, &p, err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    int64_t batches = op_span(p.batch, 0, p.batch_rank);
    if (p.b.rank == 0) { /* one right side for all: the rows of all batches are one matrix */
        p.m *= batches;
        batches = 1;
    }
    const float *a = ctx->in[0]->data, *b = ctx->in[1]->data;
    float *y = ctx->out[0]->data;
    for (int64_t i = 0; i < batches; i++) {
        struct gemm g = {.m = p.m, .n = p.n, .k = p.k, .lda = p.k, .ldb = p.n, .ldy = p.n};
        g.alpha = 1;
        g.a = p.b.rank == 0 ? a : a + product_matrix(&p, &p.a, i) * p.m * p.k;
        g.b = b + product_matrix(&p, &p.b, i) * p.k * p.n;
        g.y = y + i * p.m * p.n;
        gemm_f32(&g);
    }
    return OK;
}

const struct op op_matmul = {
    .domain = "",
    .name = "MatMul",
    .code = OP_CODE_matmul,
    .since = {1, 9, 13},
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
