/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Einsum: sums of products over labelled axes, of up to eight operands of floats or integers, with
 * diagonals and "...". A dim of 1 repeats beside a longer one of its label.
 * source: ONNX Einsum-12; numpy.einsum */
#include "ops/einsum.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct einsum_params *p = params;
    const char *text;
    size_t len;
    enum status s = attr_string(&node->attrs, ATTR_equation, "", &text, &len, err);
    if (s == OK)
        s = einsum_parse(text, len, p, err);
    if (s == OK && p->n != node->n_in)
        return err_set(err, E_CORRUPT, "Einsum: %d inputs, the equation has %d", node->n_in, p->n);
    return s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct einsum_params *p = ctx->params;
    struct einsum e;
    int64_t dims[TENSOR_RANK_MAX];
    enum status s = op_operands(ctx, "Einsum", p->n, err);
    if (s == OK && einsum_compute(ctx->in[0]->dtype) == DT_NONE)
        s = op_no_kernel("Einsum", 0, ctx->in[0], err);
    for (int i = 1; i < p->n && s == OK; i++)
        s = op_same_dtype(ctx, "Einsum", i, err);
    if (s == OK)
        s = einsum_bind(p, ctx->in, &e, err);
    if (s != OK)
        return s;
    for (int i = 0; i < e.n_out; i++)
        dims[i] = e.dims[e.out[i]];
    s = op_output(ctx, 0, "Einsum", ctx->in[0]->dtype, e.n_out, dims, err);
    if (s == OK && tensor_count(ctx->out[0]) > 0 && !einsum_scratch(&e, &ctx->scratch_bytes))
        return err_set(err, E_BAD_INPUT, "Einsum: what stands between the products has no size");
    return s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    struct einsum e;
    enum status s = einsum_bind(ctx->params, ctx->in, &e, err);
    if (s == OK && tensor_count(ctx->out[0]) > 0)
        einsum_contract(&e, ctx->out[0], ctx->scratch);
    return s;
}

const struct op op_einsum = {
    .domain = "",
    .name = "Einsum",
    .code = OP_CODE_einsum,
    .since = {12},
    .types = OP_NUMBERS,
    .in_min = 1,
    .in_max = EINSUM_OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct einsum_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
