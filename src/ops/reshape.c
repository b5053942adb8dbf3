/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Reshape: -1 takes what is left, 0 copies the input's dim (unless allowzero).
 * source: ONNX Reshape-1 (attribute shape), Reshape-5 (operand), Reshape-14 (allowzero) */
#include <inttypes.h>

#include "ops/ops_priv.h"

struct params {
    bool by_attr, allowzero;
    int32_t n;
    int64_t shape[TENSOR_RANK_MAX];
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    p->by_attr = node->version < 5;
    if (!p->by_attr) {
        if (node->n_in < 2)
            return err_set(err, E_CORRUPT, "Reshape: 1 input, expected 2");
        return op_flag(node, ATTR_allowzero, 0, &p->allowzero, err);
    }
    int n;
    enum status s = attr_ints(&node->attrs, ATTR_shape, p->shape, TENSOR_RANK_MAX, &n, err);
    p->n = s == OK ? n : 0;
    return s;
}

/* Replaces 0 and -1 in dims[n]; the result must have as many elements as x. */
static enum status resolve(const struct params *p, const struct tensor *x, int64_t *dims, int n,
                           struct err *err)
{
    int rest = -1;
    for (int i = 0; i < n; i++) {
        if (dims[i] == 0 && !p->allowzero) {
            if (i >= x->rank)
                return err_set(err, E_BAD_INPUT, "Reshape: dim %d copies a dim that is not there",
                               i);
            dims[i] = x->dims[i];
        } else if (dims[i] == -1 && rest < 0) {
            rest = i;
            dims[i] = 1;
        } else if (dims[i] < 0) {
            return err_set(err, E_BAD_INPUT, "Reshape: dim %d is %" PRId64, i, dims[i]);
        }
    }
    uint64_t known, count = (uint64_t)tensor_count(x);
    bool ok = shape_count(n, dims, &known);
    if (ok && rest >= 0) {
        ok = known > 0 && count % known == 0;
        dims[rest] = ok ? (int64_t)(count / known) : 0;
    } else {
        ok = ok && known == count;
    }
    char text[TENSOR_TEXT_MAX];
    if (!ok)
        return err_set(err, E_BAD_INPUT, "Reshape: %s does not fit the shape asked for",
                       tensor_text(x, text));
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "Reshape", p->by_attr ? 1 : 2, err);
    if (s != OK)
        return s;
    int64_t dims[TENSOR_RANK_MAX];
    int n = p->n;
    for (int i = 0; i < n; i++)
        dims[i] = p->shape[i];
    if (!p->by_attr)
        s = op_known(ctx, 1, err);
    if (s == OK && !p->by_attr)
        s = op_values("Reshape", 1, ctx->in[1], dims, TENSOR_RANK_MAX, &n, err);
    if (s == OK)
        s = resolve(p, ctx->in[0], dims, n, err);
    return s == OK ? op_output(ctx, 0, "Reshape", ctx->in[0]->dtype, n, dims, err) : s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    op_copy(ctx->in[0], ctx->out[0]);
    return OK;
}

const struct op op_reshape = {
    .domain = "",
    .name = "Reshape",
    .code = OP_CODE_reshape,
    .since = {1, 5, 13, 14},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_VIEW | OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
