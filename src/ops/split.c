/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Split, of any dtype, into given or equal parts; from 18 on the last equal part may be smaller.
 * source: ONNX Split-2 (attribute split), 11, 13 (operand), 18 (num_outputs) */
#include <inttypes.h>
#include <string.h>

#include "ops/ops_priv.h"

enum { PARTS_MAX = 16 }; /* parts of unequal length that stand in an attribute */

struct params {
    int64_t axis, num_outputs;
    bool by_attr;
    int32_t n; /* 0: equal parts */
    int64_t split[PARTS_MAX];
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    p->by_attr = node->version < 13;
    int n = 0;
    enum status s = attr_int(&node->attrs, ATTR_axis, 0, &p->axis, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_num_outputs, 0, &p->num_outputs, err);
    const struct attr *split = attr_find(&node->attrs, ATTR_split);
    if (s == OK && split && split->count > PARTS_MAX)
        return err_set(err, E_UNSUPPORTED, "Split: more than %d parts in attribute split",
                       PARTS_MAX);
    if (s == OK && p->by_attr)
        s = attr_ints(&node->attrs, ATTR_split, p->split, PARTS_MAX, &n, err);
    p->n = n;
    if (s == OK && p->by_attr && node->n_in > 1)
        return err_set(err, E_CORRUPT, "Split: %d inputs before opset 13, expected 1", node->n_in);
    if (s == OK && p->num_outputs && p->num_outputs != node->n_out)
        return err_set(err, E_CORRUPT, "Split: num_outputs is %" PRId64 ", the node has %d",
                       p->num_outputs, node->n_out);
    return s;
}

static enum status equal_parts(const struct params *p, int64_t dim, int n_out, int64_t *parts,
                               struct err *err)
{
    int64_t each = dim / n_out + (dim % n_out != 0);
    if (dim % n_out != 0 && !p->num_outputs)
        return err_set(err, E_BAD_INPUT, "Split: %" PRId64 " do not make %d equal parts", dim,
                       n_out);
    for (int i = 0; i < n_out; i++) {
        parts[i] = MIN(each, dim);
        dim -= parts[i];
    }
    return OK;
}

static enum status find_parts(const struct op_infer *ctx, int64_t dim, int64_t *parts,
                              struct err *err)
{
    const struct params *p = ctx->params;
    int n = p->n;
    enum status s = OK;
    if (ctx->n_in > 1 && ctx->in[1])
        s = op_values("Split", 1, ctx->in[1], parts, OP_OUTPUTS_MAX, &n, err);
    else if (n == 0)
        return equal_parts(p, dim, ctx->n_out, parts, err);
    else
        memcpy(parts, p->split, (size_t)n * sizeof(parts[0]));
    if (s != OK)
        return s;
    int64_t rest = dim;
    for (int i = 0; i < n && rest >= 0; i++)
        rest = parts[i] < 0 || parts[i] > rest ? -1 : rest - parts[i];
    if (n != ctx->n_out || rest != 0)
        return err_set(err, E_BAD_INPUT,
                       "Split: %d parts for %d outputs do not make up a dim of %" PRId64, n,
                       ctx->n_out, dim);
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    int64_t parts[OP_OUTPUTS_MAX];
    int axis;
    if (ctx->n_in < 1 || !ctx->in[0])
        return err_set(err, E_BAD_INPUT, "Split: input 0 is left out but required");
    const struct tensor *x = ctx->in[0];
    enum status s = op_axis("Split", p->axis, x->rank, false, &axis, err);
    if (s == OK)
        s = op_known(ctx, 1, err);
    if (s == OK)
        s = find_parts(ctx, x->dims[axis], parts, err);
    struct tensor part = *x;
    for (int i = 0; i < ctx->n_out && s == OK; i++) {
        part.dims[axis] = parts[i];
        s = op_output(ctx, i, "Split", x->dtype, x->rank, part.dims, err);
    }
    return s;
}

/* Where each part starts follows from the parts before it, so outputs left out (NULL) would hide
 * the places of those behind them: they are found from the operand or attribute again. */
static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    struct op_infer again = {.params = ctx->params,
                             .n_in = ctx->n_in,
                             .n_out = ctx->n_out,
                             .in = ctx->in,
                             .out = ctx->out};
    int64_t parts[OP_OUTPUTS_MAX];
    int axis;
    enum status s = op_axis("Split", p->axis, x->rank, false, &axis, err);
    if (s == OK)
        s = find_parts(&again, x->dims[axis], parts, err);
    if (s != OK || tensor_count(x) == 0)
        return s;
    int64_t inner = op_span(x->dims, axis + 1, x->rank) * (int64_t)dtype_bytes(x->dtype);
    int64_t outer = op_span(x->dims, 0, axis), row = x->dims[axis] * inner;
    const uint8_t *from = x->data;
    for (int i = 0; i < ctx->n_out; from += parts[i] * inner, i++) {
        if (!ctx->out[i])
            continue;
        if (ctx->out[i]->dims[axis] != parts[i])
            return err_set(err, E_BAD_INPUT, "Split: part %d is %" PRId64 " long, planned %" PRId64,
                           i, parts[i], ctx->out[i]->dims[axis]);
        for (int64_t o = 0; parts[i] && o < outer; o++)
            memcpy((uint8_t *)ctx->out[i]->data + o * parts[i] * inner, from + o * row,
                   (size_t)(parts[i] * inner));
    }
    return OK;
}

const struct op op_split = {
    .domain = "",
    .name = "Split",
    .code = OP_CODE_split,
    .since = {2, 11, 13, 18},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 2,
    .out_min = 1,
    .out_max = OP_OUTPUTS_MAX,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
