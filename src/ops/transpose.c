/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Transpose, of any dtype; without perm the dims are reversed.  source: ONNX Transpose-13 */
#include <inttypes.h>

#include "kernels/strided.h"
#include "ops/ops_priv.h"

struct params {
    int32_t n; /* -1: reverse */
    int64_t perm[TENSOR_RANK_MAX];
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    int n;
    enum status s = attr_ints(&node->attrs, ATTR_perm, p->perm, TENSOR_RANK_MAX, &n, err);
    if (s != OK)
        return s;
    unsigned seen = 0;
    for (int i = 0; i < n; i++) {
        if (p->perm[i] < 0 || p->perm[i] >= n || seen & (1u << p->perm[i]))
            return err_set(err, E_CORRUPT, "Transpose: perm holds %" PRId64 " at %d", p->perm[i],
                           i);
        seen |= 1u << p->perm[i];
    }
    p->n = attr_find(&node->attrs, ATTR_perm) ? n : -1;
    return OK;
}

static int source_dim(const struct params *p, int rank, int i)
{
    return p->n < 0 ? rank - 1 - i : (int)p->perm[i];
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "Transpose", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (p->n >= 0 && p->n != x->rank)
        return op_bad("Transpose", 0, x, "as many dims as perm has elements", err);
    int64_t dims[TENSOR_RANK_MAX];
    for (int i = 0; i < x->rank; i++)
        dims[i] = x->dims[source_dim(p, x->rank, i)];
    return op_output(ctx, 0, "Transpose", x->dtype, x->rank, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    if (tensor_count(x) == 0)
        return OK;
    struct strided s = {.rank = 0};
    for (int i = 0; i < x->rank; i++) {
        int from = source_dim(ctx->params, x->rank, i);
        strided_dim(&s, y->dims[i], op_span(x->dims, from + 1, x->rank),
                    op_span(y->dims, i + 1, y->rank));
    }
    strided_copy(&s, x->data, y->data, (int)dtype_bytes(x->dtype));
    return OK;
}

const struct op op_transpose = {
    .domain = "",
    .name = "Transpose",
    .code = OP_CODE_transpose,
    .since = {1, 13},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
