/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* DFT: the discrete Fourier transform along one axis of a real ([...,1]) or complex ([...,2])
 * operand, cut or filled with zeros to dft_length. One-sided inverse transforms are refused.
 * source: ONNX DFT-17 (axis is an attribute), 20 (an operand) */
#include "ops/spectrum.h"

struct params {
    int64_t axis;
    bool by_attr, inverse, onesided;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    p->by_attr = node->version < 20;
    p->axis = -2;
    enum status s = p->by_attr ? attr_int(&node->attrs, ATTR_axis, 1, &p->axis, err) : OK;
    if (s == OK)
        s = op_flag(node, ATTR_inverse, 0, &p->inverse, err);
    if (s == OK)
        s = op_flag(node, ATTR_onesided, 0, &p->onesided, err);
    if (s == OK && p->by_attr && node->n_in > 2)
        return err_set(err, E_CORRUPT, "DFT: %d inputs before opset 20, expected 1 or 2",
                       node->n_in);
    if (s == OK && p->inverse && p->onesided)
        return err_set(err, E_UNSUPPORTED, "DFT: inverse and onesided together are not supported");
    return s;
}

static bool given(const struct op_infer *c, int i)
{
    return i < c->n_in && c->in[i];
}

/* Which axis, and the length of the transform. */
static enum status describe(struct op_infer *c, int *axis, int64_t *n, struct err *err)
{
    const struct params *p = c->params;
    const struct tensor *x = c->in[0];
    int64_t which = p->axis;
    enum status s = OK;
    if (!p->by_attr && given(c, 2))
        s = spectrum_scalar(c, "DFT", 2, &which, err);
    if (s == OK)
        s = op_axis("DFT", which, x->rank, false, axis, err);
    if (s != OK)
        return s;
    if (*axis == x->rank - 1)
        return op_bad("DFT", 0, x, "another axis than the last, which holds the parts", err);
    *n = x->dims[*axis];
    return given(c, 1) ? spectrum_scalar(c, "DFT", 1, n, err) : OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    int axis;
    int64_t n, dims[TENSOR_RANK_MAX];
    enum status s = op_operands(ctx, "DFT", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (!dtype_is_float(x->dtype))
        return op_no_kernel("DFT", 0, x, err);
    if (x->rank < 2 || (x->dims[x->rank - 1] != 1 && x->dims[x->rank - 1] != 2))
        return op_bad("DFT", 0, x, "[...,1] or [...,2]", err);
    if (p->onesided && x->dims[x->rank - 1] != 1)
        return op_bad("DFT", 0, x, "real numbers where onesided is 1", err);
    s = describe(ctx, &axis, &n, err);
    if (s == OK)
        s = spectrum_plan(ctx, "DFT", n, err);
    if (s != OK)
        return s;
    for (int d = 0; d < x->rank; d++)
        dims[d] = x->dims[d];
    dims[axis] = p->onesided ? n / 2 + 1 : n;
    dims[x->rank - 1] = 2;
    return op_output(ctx, 0, "DFT", x->dtype, x->rank, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    struct op_infer again = {.params = ctx->params,
                             .n_in = ctx->n_in,
                             .n_out = ctx->n_out,
                             .in = ctx->in,
                             .out = ctx->out};
    struct spectrum line;
    int axis;
    int64_t n;
    enum status s = describe(&again, &axis, &n, err);
    if (s == OK && (p->onesided ? n / 2 + 1 : n) != y->dims[axis])
        return err_set(err, E_BAD_INPUT, "DFT: the length is not the one that was planned");
    if (s != OK || tensor_count(y) == 0)
        return s;
    int64_t outer = op_span(y->dims, 0, axis), inner = op_span(y->dims, axis + 1, y->rank - 1);
    int64_t taken = MIN(n, x->dims[axis]);
    int parts = (int)x->dims[x->rank - 1];
    spectrum_begin(&line, n, p->inverse, ctx->scratch);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            for (int64_t k = 0; k < taken; k++)
                spectrum_put(&line, k, x, (o * x->dims[axis] + k) * inner + i, parts, 1);
            spectrum_zero(&line, taken);
            spectrum_run(&line, y, o * y->dims[axis] * inner + i, inner, y->dims[axis]);
        }
    return OK;
}

const struct op op_dft = {
    .domain = "",
    .name = "DFT",
    .code = OP_CODE_dft,
    .since = {17, 20},
    .types = OP_FLOATS,
    .in_min = 1,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
