/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Trilu, of any dtype: the upper or lower triangle of each matrix, from its k-th diagonal; 0
 * elsewhere.  source: ONNX Trilu-14 */
#include <string.h>

#include "ops/ops_priv.h"

struct params {
    bool upper;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return op_flag(node, ATTR_upper, 1, &p->upper, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "Trilu", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *k = ctx->n_in > 1 ? ctx->in[1] : NULL;
    if (x->rank < 2)
        return op_bad("Trilu", 0, x, "at least two dims", err);
    if (k && (k->dtype != DT_I64 || tensor_count(k) != 1))
        return op_bad("Trilu", 1, k, "int64[]", err);
    return op_output(ctx, 0, "Trilu", x->dtype, x->rank, x->dims, err);
}

/* One row of n elements: those before column `edge` are kept (lower) or dropped (upper). */
static void one_row(uint8_t *y, int64_t n, int64_t edge, size_t width, bool upper)
{
    size_t before = (size_t)MIN(MAX(edge, 0), n) * width, all = (size_t)n * width;
    if (upper)
        memset(y, 0, before);
    else
        memset(y + before, 0, all - before);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    int64_t rows = x->dims[x->rank - 2], n = x->dims[x->rank - 1];
    int64_t k = ctx->n_in > 1 && ctx->in[1] ? *(const int64_t *)ctx->in[1]->data : 0;
    k = MIN(MAX(k, -rows - 1), n + 1); /* beyond that nothing changes */
    size_t width = dtype_bytes(x->dtype);
    uint8_t *y = ctx->out[0]->data;
    op_copy(x, ctx->out[0]);
    if (tensor_count(x) == 0)
        return OK;
    int64_t matrices = tensor_count(x) / (rows * n);
    for (int64_t i = 0; i < matrices * rows; i++)
        one_row(y + (size_t)(i * n) * width, n, i % rows + k + (p->upper ? 0 : 1), width, p->upper);
    return OK;
}

const struct op op_trilu = {
    .domain = "",
    .name = "Trilu",
    .code = OP_CODE_trilu,
    .since = {14},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
