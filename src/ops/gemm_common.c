/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Y = act(alpha * A' * B' + beta * C), C broadcast to Y. Y is filled with beta * C first and the
 * product is added to it.  source: ONNX Gemm-13 */
#include "ops/gemm_common.h"

#include <string.h>

#include "kernels/kernels.h"
#include "ops/element.h"
#include "ops/matmul_common.h"

enum status gemm_prepare(const struct op_node *node, struct gemm_params *p, struct err *err)
{
    bool legacy; /* Gemm-6 asks for C's broadcast; later it always may */
    enum status s = attr_float(&node->attrs, ATTR_alpha, 1, &p->alpha, err);
    if (s == OK)
        s = attr_float(&node->attrs, ATTR_beta, 1, &p->beta, err);
    if (s == OK)
        s = op_flag(node, ATTR_transA, 0, &p->trans_a, err);
    if (s == OK)
        s = op_flag(node, ATTR_transB, 0, &p->trans_b, err);
    if (s == OK)
        s = op_flag(node, ATTR_broadcast, 0, &legacy, err);
    return s;
}

static int64_t dim(const struct tensor *t, bool trans, int i)
{
    return t->dims[trans ? 1 - i : i];
}

enum status gemm_infer(struct op_infer *ctx, const char *op, struct err *err)
{
    const struct gemm_params *p = ctx->params;
    enum status s = op_operands(ctx, op, 2, err);
    if (s == OK && ctx->in[0]->dtype != DT_F32 &&
        !(p->epilogue.act == ACT_NONE && gemm_any_of(ctx->in[0]->dtype)))
        s = op_no_kernel(op, 0, ctx->in[0], err);
    for (int i = 1; i < ctx->n_in && s == OK; i++)
        s = op_same_dtype(ctx, op, i, err);
    if (s != OK)
        return s;
    const struct tensor *a = ctx->in[0], *b = ctx->in[1], *c = ctx->n_in > 2 ? ctx->in[2] : NULL;
    if (a->rank != 2)
        return op_bad(op, 0, a, "a matrix", err);
    if (b->rank != 2 || dim(b, p->trans_b, 0) != dim(a, p->trans_a, 1)) {
        char ta[TENSOR_TEXT_MAX], tb[TENSOR_TEXT_MAX];
        return err_set(err, E_BAD_INPUT, "%s: %s%s times %s%s", op, tensor_text(a, ta),
                       p->trans_a ? " transposed" : "", tensor_text(b, tb),
                       p->trans_b ? " transposed" : "");
    }
    int64_t dims[2] = {dim(a, p->trans_a, 0), dim(b, p->trans_b, 1)};
    for (int i = 0; c && i < c->rank; i++) {
        int at = 2 - c->rank + i;
        if (c->rank > 2 || (c->dims[i] != 1 && c->dims[i] != dims[at]))
            return op_bad(op, 2, c, "a shape that broadcasts to the product", err);
    }
    return op_output(ctx, 0, op, a->dtype, 2, dims, err);
}

/* y[m][n] = beta * c, broadcast. */
static void fill(float *y, int64_t m, int64_t n, const struct tensor *c, float beta)
{
    const float *src = c->data;
    int64_t rows = c->rank > 1 ? c->dims[0] : 1, columns = c->rank > 0 ? c->dims[c->rank - 1] : 1;
    for (int64_t i = 0; i < m; i++, y += n) {
        const float *row = src + (rows == 1 ? 0 : i * columns);
        if (columns == n && beta == 1) {
            memcpy(y, row, (size_t)n * sizeof(y[0]));
            continue;
        }
        for (int64_t j = 0; j < n; j++)
            y[j] = beta * row[columns == 1 ? 0 : j];
    }
}

/* y[i] += c[at] of 32 or 64 bit integers, which wrap. */
static void add_whole(const struct tensor *y, int64_t i, const struct tensor *c, int64_t at)
{
    if (dtype_bytes(y->dtype) == 8)
        ((uint64_t *)y->data)[i] += ((const uint64_t *)c->data)[at];
    else
        ((uint32_t *)y->data)[i] += ((const uint32_t *)c->data)[at];
}

/* y = alpha * y + beta * c, an element at a time: whole numbers as they are, unless alpha or beta
 * say otherwise. */
static void scale_and_add(const struct gemm_params *p, const struct tensor *y,
                          const struct tensor *c)
{
    bool whole = dtype_is_int(y->dtype) && p->alpha == 1 && p->beta == 1;
    int64_t rows = c && c->rank > 1 ? c->dims[0] : 1;
    int64_t columns = c && c->rank > 0 ? c->dims[c->rank - 1] : 1, n = y->dims[1];
    for (int64_t i = 0; i < tensor_count(y); i++) {
        int64_t at = (rows == 1 ? 0 : i / n) * columns + (columns == 1 ? 0 : i % n);
        if (whole && c)
            add_whole(y, i, c, at);
        else if (!whole)
            element_set_f64(y, i,
                            (double)p->alpha * tensor_get_f64(y, i) +
                                (c ? (double)p->beta * tensor_get_f64(c, at) : 0));
    }
}

static void run_any(const struct op_run *ctx)
{
    const struct gemm_params *p = ctx->params;
    const struct tensor *a = ctx->in[0], *y = ctx->out[0], *c = ctx->n_in > 2 ? ctx->in[2] : NULL;
    struct gemm_any g = {.m = y->dims[0], .n = y->dims[1], .k = dim(a, p->trans_a, 1)};
    g.a = a->data;
    g.b = ctx->in[1]->data;
    g.y = y->data;
    g.trans_a = p->trans_a;
    g.trans_b = p->trans_b;
    gemm_any_of(a->dtype)(&g);
    scale_and_add(p, y, c);
}

enum status gemm_run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct gemm_params *p = ctx->params;
    const struct tensor *a = ctx->in[0], *b = ctx->in[1], *c = ctx->n_in > 2 ? ctx->in[2] : NULL;
    const struct tensor *y = ctx->out[0];
    if (tensor_count(y) == 0)
        return OK;
    if (a->dtype != DT_F32) {
        run_any(ctx);
        return OK;
    }
    struct gemm g = {.m = y->dims[0], .n = y->dims[1], .k = dim(a, p->trans_a, 1)};
    g.a = a->data;
    g.b = b->data;
    g.y = y->data;
    g.lda = a->dims[1];
    g.ldb = b->dims[1];
    g.ldy = g.n;
    g.alpha = p->alpha;
    g.trans_a = p->trans_a;
    g.trans_b = p->trans_b;
    g.accumulate = c && p->beta != 0;
    if (g.accumulate)
        fill(g.y, g.m, g.n, c, p->beta);
    gemm_f32(&g);
    if (p->epilogue.act != ACT_NONE)
        epilogue_f32(&p->epilogue, g.y, 0, NULL, g.m * g.n);
    return OK;
}
