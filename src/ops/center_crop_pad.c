/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* CenterCropPad, of any dtype: each named dim gets the length that an operand says, its middle kept
 * and zeros put around it. An odd element is cut, or added, behind.
 * source: ONNX CenterCropPad-18 */
#include <string.h>

#include "kernels/strided.h"
#include "ops/ops_priv.h"

struct params {
    int32_t n; /* 0: all dims */
    int64_t axes[TENSOR_RANK_MAX];
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    int n = 0;
    enum status s = attr_ints(&node->attrs, ATTR_axes, p->axes, TENSOR_RANK_MAX, &n, err);
    p->n = n;
    return s;
}

static enum status output_dims(const struct params *p, const struct tensor *const *in,
                               int64_t dims[TENSOR_RANK_MAX], struct err *err)
{
    const struct tensor *x = in[0];
    int64_t shape[TENSOR_RANK_MAX];
    int n, wanted = p->n ? p->n : x->rank;
    unsigned seen = 0;
    enum status s = op_values("CenterCropPad", 1, in[1], shape, TENSOR_RANK_MAX, &n, err);
    if (s == OK && n != wanted)
        s = op_bad("CenterCropPad", 1, in[1], "one length for each axis", err);
    memcpy(dims, x->dims, sizeof(x->dims));
    for (int i = 0; i < wanted && s == OK; i++) {
        int axis;
        s = op_axis("CenterCropPad", p->n ? p->axes[i] : i, x->rank, false, &axis, err);
        if (s == OK && (seen & (1u << axis) || shape[i] < 0))
            s = op_bad("CenterCropPad", 1, in[1], "lengths of 0 or more, of different axes", err);
        if (s != OK)
            break;
        seen |= 1u << axis;
        dims[axis] = shape[i];
    }
    return s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    int64_t dims[TENSOR_RANK_MAX];
    enum status s = op_operands(ctx, "CenterCropPad", 2, err);
    if (s == OK)
        s = op_known(ctx, 1, err);
    if (s == OK)
        s = output_dims(ctx->params, ctx->in, dims, err);
    if (s != OK)
        return s;
    return op_output(ctx, 0, "CenterCropPad", ctx->in[0]->dtype, ctx->in[0]->rank, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    struct strided c = {.rank = 0};
    int64_t dims[TENSOR_RANK_MAX], from = 0, to = 0;
    enum status s = output_dims(ctx->params, ctx->in, dims, err);
    for (int d = 0; d < x->rank && s == OK; d++)
        if (dims[d] != y->dims[d])
            return err_set(err, E_BAD_INPUT,
                           "CenterCropPad: the shape is not the one that was planned");
    if (s != OK || tensor_count(y) == 0)
        return s;
    size_t width = dtype_bytes(x->dtype);
    memset(y->data, 0, (size_t)tensor_count(y) * width);
    if (tensor_count(x) == 0)
        return OK;
    for (int d = 0; d < x->rank; d++) {
        int64_t src = op_span(x->dims, d + 1, x->rank), dst = op_span(y->dims, d + 1, y->rank);
        from += MAX(x->dims[d] - y->dims[d], 0) / 2 * src;
        to += MAX(y->dims[d] - x->dims[d], 0) / 2 * dst;
        strided_dim(&c, MIN(x->dims[d], y->dims[d]), src, dst);
    }
    strided_copy(&c, (const uint8_t *)x->data + (size_t)from * width,
                 (uint8_t *)y->data + (size_t)to * width, (int)width);
    return OK;
}

const struct op op_center_crop_pad = {
    .domain = "",
    .name = "CenterCropPad",
    .code = OP_CODE_center_crop_pad,
    .since = {18},
    .types = OP_ANY,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
