/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* MatMul: numpy's rules, batches broadcast; vectors stand as a row on the left, a column on the
 * right.  source: ONNX MatMul-13 */
#include "kernels/kernels.h"
#include "ops/ops_priv.h"

/* Both operands as matrices, and the broadcast batch dims before them. */
struct product {
    int64_t m, n, k;
    int batch_rank;
    int64_t batch[TENSOR_RANK_MAX];
    struct tensor a, b; /* the batch dims of each, as shapes */
};

static void split_batch(const struct tensor *t, struct tensor *batch)
{
    tensor_set_shape(batch, t->dtype, MAX(t->rank - 2, 0), t->dims);
}

static enum status describe(const struct tensor *a, const struct tensor *b, struct product *p,
                            struct err *err)
{
    char ta[TENSOR_TEXT_MAX], tb[TENSOR_TEXT_MAX];
    if (a->rank < 1)
        return op_bad("MatMul", 0, a, "rank 1 or more", err);
    if (b->rank < 1)
        return op_bad("MatMul", 1, b, "rank 1 or more", err);
    p->m = a->rank > 1 ? a->dims[a->rank - 2] : 1;
    p->k = a->dims[a->rank - 1];
    p->n = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    split_batch(a, &p->a);
    split_batch(b, &p->b);
    if (p->k != (b->rank > 1 ? b->dims[b->rank - 2] : b->dims[0]) ||
        !shape_broadcast(&p->a, &p->b, &p->batch_rank, p->batch))
        return err_set(err, E_BAD_INPUT, "MatMul: %s times %s", tensor_text(a, ta),
                       tensor_text(b, tb));
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "MatMul", 2, err);
    for (int i = 0; i < 2 && s == OK; i++)
        s = op_only(ctx, "MatMul", i, DT_F32, err);
    struct product p;
    if (s == OK)
        s = describe(ctx->in[0], ctx->in[1], &p, err);
    if (s != OK)
        return s;
    int rank = p.batch_rank;
    if (ctx->in[0]->rank > 1)
        p.batch[rank++] = p.m;
    if (ctx->in[1]->rank > 1)
        p.batch[rank++] = p.n;
    return op_output(ctx, 0, "MatMul", DT_F32, rank, p.batch, err);
}

/* The flat matrix number in an operand whose batch dims are t, for batch number i of dims. */
static int64_t matrix_of(const struct product *p, const struct tensor *t, int64_t i)
{
    int64_t index = 0, step = 1;
    for (int d = p->batch_rank - 1, e = t->rank - 1; d >= 0; d--, e--) {
        int64_t at = i % p->batch[d];
        i /= p->batch[d];
        if (e < 0)
            break;
        index += t->dims[e] == 1 ? 0 : at * step;
        step *= t->dims[e];
    }
    return index;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    struct product p;
    enum status s = describe(ctx->in[0], ctx->in[1], &p, err);
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
        g.a = p.b.rank == 0 ? a : a + matrix_of(&p, &p.a, i) * p.m * p.k;
        g.b = b + matrix_of(&p, &p.b, i) * p.k * p.n;
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
