/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.Linear(X, W, B, sum): act(X W + B + sum), X of any rank from 1 on: all its rows are one
 * matrix. W is [K][N], or [N][K] with transB; B is [N]; sum has the result's shape; both may be
 * left out. Attributes: transB, activation, act_low, act_high.  source: ours */
#include <string.h>

#include "kernels/kernels.h"
#include "ops/ops_priv.h"

static const char name[] = "Linear";

struct params {
    struct epilogue epilogue;
    bool trans_b;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = op_flag(node, ATTR_transB, 0, &p->trans_b, err);
    return s == OK ? op_activation(node, &p->epilogue, err) : s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, name, 2, err);
    for (int i = 0; i < ctx->n_in && s == OK; i++)
        s = op_only(ctx, name, i, DT_F32, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *w = ctx->in[1];
    const struct tensor *b = op_operand(ctx->in, ctx->n_in, 2),
                        *sum = op_operand(ctx->in, ctx->n_in, 3);
    if (x->rank < 1)
        return op_bad(name, 0, x, "rank 1 or more", err);
    if (w->rank != 2 || w->dims[p->trans_b] != x->dims[x->rank - 1])
        return op_bad(name, 1, w, "a matrix with as many rows as input 0 has columns", err);
    int64_t dims[TENSOR_RANK_MAX];
    memcpy(dims, x->dims, sizeof(dims));
    dims[x->rank - 1] = w->dims[!p->trans_b];
    if (b && (b->rank != 1 || b->dims[0] != dims[x->rank - 1]))
        return op_bad(name, 2, b, "one element per column", err);
    s = op_output(ctx, 0, name, DT_F32, x->rank, dims, err);
    if (s == OK && sum && !shape_same(sum, ctx->out[0]))
        return op_bad(name, 3, sum, "the shape of the output", err);
    return s;
}

/* What the product is added to. */
static void fill(float *y, int64_t rows, int64_t n, const float *b, const float *sum)
{
    for (int64_t i = 0; i < rows; i++, y += n) {
        if (!sum) {
            memcpy(y, b, (size_t)n * sizeof(y[0]));
            continue;
        }
        const float *s = sum + i * n;
        for (int64_t j = 0; j < n; j++)
            y[j] = s[j] + (b ? b[j] : 0);
    }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *w = ctx->in[1], *y = ctx->out[0];
    const struct tensor *b = op_operand(ctx->in, ctx->n_in, 2),
                        *sum = op_operand(ctx->in, ctx->n_in, 3);
    int64_t count = tensor_count(y);
    if (count == 0)
        return OK;
    int64_t n = y->dims[y->rank - 1];
    struct gemm g = {.m = count / n, .n = n, .k = x->dims[x->rank - 1], .ldb = w->dims[1]};
    g.a = x->data;
    g.b = w->data;
    g.y = y->data;
    g.lda = g.k;
    g.ldy = n;
    g.alpha = 1;
    g.trans_b = p->trans_b;
    g.accumulate = b || sum;
    if (g.accumulate)
        fill(g.y, g.m, n, b ? b->data : NULL, sum ? sum->data : NULL);
    gemm_f32(&g);
    if (p->epilogue.act != ACT_NONE)
        epilogue_f32(&p->epilogue, g.y, 0, NULL, count);
    return OK;
}

const struct op op_linear = {
    .domain = "roost",
    .name = "Linear",
    .code = OP_CODE_linear,
    .since = {1},
    .types = OP_T(F32),
    .in_min = 2,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
