/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.NarrowGemm(X, W, scale, B, Z): act(scale * X W + B + Z), X of any rank from 1 on, uint8,
 * bfloat16 or float32: all its rows are one matrix. W [panels][words][16][word] is laid out as
 * kernels/narrow.h says, int8 beside uint8 X, else bfloat16; its first `columns` columns count.
 * scale, with uint8 X only, and B have 16 numbers for each panel; Z has the result's shape; B and Z
 * may be left out. Attributes: columns, activation, act_low, act_high, and narrow_common.h's.
 * source: ours */
#include <string.h>

#include "ops/narrow_common.h"

static const char name[] = "NarrowGemm";

struct params {
    struct epilogue epilogue;
    struct narrow_params narrow;
    int64_t columns;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = op_columns(node, name, &p->columns, err);
    if (s == OK)
        s = op_activation(node, &p->epilogue, err);
    return s == OK ? narrow_prepare(node, name, &p->narrow, err) : s;
}

/* All fields are named: the compiler clears a record that lacks some, in more time than all of this
 * takes. */
static struct narrow describe(const struct params *p, const struct tensor *x, int64_t rows)
{
    return (struct narrow){
        .form = NARROW_PRODUCT,
        .planes = false,
        .batch = 1,
        .groups = 1,
        .in_c = x->dims[x->rank - 1],
        .out_blocks = block_count(p->columns),
        .out_c = p->columns,
        .in = {1, rows},
        .out = {1, rows},
        .kernel = {1, 1},
        .stride = {1, 1},
        .dilation = {1, 1},
        .pad = {0, 0},
        .x = narrow_x(&p->narrow, x),
        .w = NULL,
        .end = {NULL, NULL, {NARROW_F32, 0, 0, NULL}, {NARROW_F32, 0, 0, NULL}, p->epilogue},
        .scratch = NULL};
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, name, 2, err);
    if (s == OK)
        s = narrow_operand(ctx, name, 0, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *w = ctx->in[1];
    if (x->rank < 1 || x->dims[x->rank - 1] < 1)
        return op_bad(name, 0, x, "rank 1 or more and columns", err);
    const enum narrow_type type = narrow_type_of(x->dtype);
    int64_t dims[TENSOR_RANK_MAX], *columns = &dims[x->rank - 1];
    memcpy(dims, x->dims, sizeof(dims));
    if (w->dtype != (type == NARROW_U8 ? DT_I8 : DT_BF16) || w->rank != 4 ||
        w->dims[0] != block_count(p->columns) || w->dims[1] != narrow_words(type, *columns) ||
        w->dims[2] != BLOCK_LANES || w->dims[3] != narrow_word(type))
        return op_bad(name, 1, w, "[panels][words][16][word], int8 beside uint8, else bfloat16",
                      err);
    if (type == NARROW_U8 && *columns > NARROW_TERMS_MAX)
        return op_bad(name, 0, x, "at most 65000 columns of bytes", err);
    *columns = p->columns;
    s = op_output(ctx, 0, name, narrow_result(&p->narrow, x), x->rank, dims, err);
    if (s == OK)
        s = narrow_rest(ctx, name, w->dims[0] * BLOCK_LANES, err);
    const struct narrow c = describe(p, x, op_span(x->dims, 0, x->rank - 1));
    if (s == OK && !narrow_scratch(&c, &ctx->scratch_bytes))
        return err_set(err, E_UNSUPPORTED, "%s: the padded input has no size", name);
    return s;
}

static enum status check(const void *params, int n_in, const struct tensor *const *in,
                         struct err *err)
{
    UNUSED(params);
    return narrow_check(name, n_in, in, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    const int64_t count = tensor_count(ctx->out[0]);
    if (count == 0)
        return OK;
    struct narrow c = describe(p, x, count / p->columns);
    narrow_end_of(ctx, &p->narrow, &c.end);
    c.w = ctx->in[1]->data;
    c.scratch = ctx->scratch;
    narrow_share(&c, (double)count * (double)c.in_c, ctx->team);
    return OK;
}

const struct op op_narrow_gemm = {
    .domain = "roost",
    .name = "NarrowGemm",
    .code = OP_CODE_narrow_gemm,
    .since = {1},
    .types = OP_T(U8) | OP_T(BF16) | OP_T(F32),
    .in_min = 2,
    .in_max = 5,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .check = check,
    .infer = infer,
    .run = run,
};
