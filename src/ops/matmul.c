/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* MatMul: numpy's rules.  source: ONNX MatMul-13 */
#include "kernels/gemm_any.h"
#include "kernels/kernels.h"
#include "ops/as_f32.h"
#include "ops/matmul_common.h"

static enum status infer_own(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "MatMul", 2, err);
    if (s == OK && ctx->in[0]->dtype != DT_F32 && !gemm_any_of(ctx->in[0]->dtype))
        s = op_no_kernel("MatMul", 0, ctx->in[0], err);
    if (s == OK)
        s = op_same_dtype(ctx, "MatMul", 1, err);
    struct product p;
    if (s == OK)
        s = product_describe("MatMul", ctx->in[0], ctx->in[1], 1, &p, err);
    if (s != OK)
        return s;
    int64_t dims[TENSOR_RANK_MAX];
    int rank = product_dims(&p, ctx->in[0], ctx->in[1], dims);
    return op_output(ctx, 0, "MatMul", ctx->in[0]->dtype, rank, dims, err);
}

/* The product of the matrices that begin at these elements of a, b and y. */
static void one(const struct op_run *ctx, const struct product *p, const int64_t from[3])
{
    size_t width = dtype_bytes(ctx->in[0]->dtype);
    const uint8_t *a = (const uint8_t *)ctx->in[0]->data + (size_t)from[0] * width;
    const uint8_t *b = (const uint8_t *)ctx->in[1]->data + (size_t)from[1] * width;
    void *y = (uint8_t *)ctx->out[0]->data + (size_t)from[2] * width;
    if (ctx->in[0]->dtype != DT_F32) {
        gemm_any_of(ctx->in[0]->dtype)(
            &(struct gemm_any){.m = p->m, .n = p->n, .k = p->k, .a = a, .b = b, .y = y});
        return;
    }
    struct gemm g = {.m = p->m, .n = p->n, .k = p->k, .lda = p->k, .ldb = p->n, .ldy = p->n};
    g.alpha = 1;
    g.a = (const float *)(const void *)a;
    g.b = (const float *)(const void *)b;
    g.y = y;
    gemm_f32(&g);
}

static enum status run_own(const struct op_run *ctx, struct err *err)
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
    for (int64_t i = 0; i < batches; i++) {
        int64_t from[3] = {p.b.rank == 0 ? 0 : product_matrix(&p, &p.a, i) * p.m * p.k,
                           product_matrix(&p, &p.b, i) * p.k * p.n, i * p.m * p.n};
        one(ctx, &p, from);
    }
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return as_f32_infer(ctx, "MatMul", infer_own, AS_F32_HALF, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return as_f32_run(ctx, run_own, AS_F32_HALF, err);
}

const struct op op_matmul = {
    .domain = "",
    .name = "MatMul",
    .code = OP_CODE_matmul,
    .since = {1, 9, 13},
    .types = OP_FLOATS | OP_T(I32) | OP_T(I64) | OP_T(U32) | OP_T(U64),
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
