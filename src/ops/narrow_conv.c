/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.NarrowConv(X, W, scale, B, Z): act(scale * Conv(X, W) + B + Z) over two spatial dims, on
 * blocked tensors of uint8, bfloat16 or float32. W is laid out as kernels/narrow.h says for
 * attribute block_form (direct, plain or depthwise): int8 beside uint8 X, else bfloat16; of the
 * depthwise form float32, and X is uint8 or bfloat16. Plain is direct, and X uint8 as
 * [batch][channels][height][width] of up to four channels. scale, with uint8 X only, and B have one
 * number per lane of the output's blocks; Z has the output's shape and any of the dtypes; B and Z
 * may be left out. Conv-11's attributes, block_form, activation, act_low, act_high, and
 * narrow_common.h's. source: ours */
#include <inttypes.h>

#include "ops/conv_common.h"
#include "ops/narrow_common.h"

static const char name[] = "NarrowConv";

struct params {
    struct conv_params conv;
    struct narrow_params narrow;
    bool depthwise, plain;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    int64_t form = BLOCK_DIRECT;
    enum status s = conv_prepare(node, name, &p->conv, err);
    if (s == OK)
        s = op_activation(node, &p->conv.epilogue, err);
    if (s == OK)
        s = narrow_prepare(node, name, &p->narrow, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_block_form, BLOCK_DIRECT, &form, err);
    if (s == OK && form != BLOCK_DIRECT && form != BLOCK_PLAIN && form != BLOCK_DEPTHWISE)
        return err_set(err, E_UNSUPPORTED, "%s: form %" PRId64 " is not known", name, form);
    p->depthwise = form == BLOCK_DEPTHWISE;
    p->plain = form == BLOCK_PLAIN;
    return s;
}

static enum dtype weights_dtype(const struct params *p, const struct tensor *x)
{
    if (p->depthwise)
        return DT_F32;
    return x->dtype == DT_U8 ? DT_I8 : DT_BF16;
}

/* Reads the sizes off W; what they must be beside X's is the caller's. */
static enum status read_weights(const struct params *p, const struct tensor *x,
                                const struct tensor *w, struct narrow *c, struct err *err)
{
    int64_t blocks = w->rank > 2 ? w->dims[0] : 0;
    c->groups = p->depthwise ? blocks : p->conv.group;
    bool fits = w->rank == (p->depthwise ? 4 : 6) && w->dtype == weights_dtype(p, x) &&
                blocks > 0 && blocks % c->groups == 0 && w->dims[1] > 0 && w->dims[2] > 0;
    if (p->depthwise)
        fits = fits && w->dims[3] == BLOCK_LANES;
    else
        fits = fits && w->dims[3] > 0 && w->dims[4] == BLOCK_LANES &&
               w->dims[5] == narrow_word(c->x.type);
    if (!fits)
        return op_bad(name, 1, w,
                      p->depthwise ? "float32[blocks][rows][columns][16]"
                                   : "[out blocks][rows][columns][words][16][word], int8 beside "
                                     "uint8, else bfloat16",
                      err);
    c->out_blocks = blocks / c->groups;
    c->kernel[0] = w->dims[1];
    c->kernel[1] = w->dims[2];
    c->in_c = p->depthwise ? 1 : w->dims[3] * w->dims[5];
    return OK;
}

/* Sums of bytes stay below 2^31, and of the depthwise form, in float32, below 2^24. */
static enum status check_terms(const struct params *p, const struct narrow *c, struct err *err)
{
    const int64_t most = p->depthwise ? NARROW_FLOAT_TERMS_MAX : NARROW_TERMS_MAX;
    double terms = (double)c->kernel[0] * (double)c->kernel[1] * (double)c->in_c;
    if (c->x.type == NARROW_U8 && terms > (double)most)
        return err_set(err, E_UNSUPPORTED, "%s: sums of %.0f products of bytes, at most %" PRId64,
                       name, terms, most);
    return OK;
}

static enum status place(const struct params *p, const struct tensor *x, struct narrow *c,
                         struct err *err)
{
    struct placed_window at;
    const struct tensor image = p->plain ? *x : block_image(x);
    const bool planes = x->dims[1] > 0 && x->dims[1] <= c->in_c && c->in_c == NARROW_PLANES_MOST;
    if (p->plain && (!planes || c->groups != 1))
        return op_bad(name, 0, x, "up to four channels, as many as input 1 reads", err);
    if (p->plain)
        c->in_c = x->dims[1];
    else if (x->dims[1] % c->groups != 0 || x->dims[1] / c->groups != block_count(c->in_c))
        return op_bad(name, 0, x, "as many blocks as input 1 reads", err);
    enum status s = window_place(&p->conv.window, name, &image, c->kernel, &at, err);
    if (s != OK)
        return s;
    c->batch = image.dims[0];
    for (int i = 0; i < 2; i++) {
        c->in[i] = at.in[i + 1];
        c->out[i] = at.out[i + 1];
        c->stride[i] = at.stride[i + 1];
        c->dilation[i] = at.dilation[i + 1];
        c->pad[i] = at.pad[i + 1];
    }
    return check_terms(p, c, err);
}

/* All sizes, and x. */
static enum status describe(const struct params *p, const struct tensor *x, const struct tensor *w,
                            struct narrow *c, struct err *err)
{
    *c = (struct narrow){.form = p->depthwise ? NARROW_DEPTHWISE : NARROW_DIRECT,
                         .planes = p->plain,
                         .x = narrow_x(&p->narrow, x),
                         .end = {.epilogue = p->conv.epilogue}};
    enum status s = read_weights(p, x, w, c, err);
    return s == OK ? place(p, x, c, err) : s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, name, 2, err);
    if (s == OK && !p->plain)
        s = block_narrow_operand(ctx, name, 0, err);
    const struct tensor *x = ctx->in[0];
    if (s == OK && ((p->depthwise && x->dtype == DT_F32) || (p->plain && x->dtype != DT_U8)))
        s = op_no_kernel(name, 0, x, err);
    if (s == OK && p->plain && x->rank != BLOCK_RANK - 1)
        s = op_bad(name, 0, x, "batch, channels, height and width", err);
    struct narrow c;
    if (s == OK)
        s = describe(p, x, ctx->in[1], &c, err);
    if (s != OK)
        return s;
    const int64_t dims[] = {c.batch, c.groups * c.out_blocks, c.out[0], c.out[1], BLOCK_LANES};
    s = op_output(ctx, 0, name, narrow_result(&p->narrow, x), BLOCK_RANK, dims, err);
    if (s == OK)
        s = narrow_rest(ctx, name, dims[1] * BLOCK_LANES, err);
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
    const struct params *p = ctx->params;
    struct narrow c;
    enum status s = describe(p, ctx->in[0], ctx->in[1], &c, err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    narrow_end_of(ctx, &p->narrow, &c.end);
    c.w = ctx->in[1]->data;
    c.scratch = ctx->scratch;
    narrow_share(&c,
                 (double)tensor_count(ctx->out[0]) * (double)c.in_c * (double)c.kernel[0] *
                     (double)c.kernel[1],
                 ctx->team);
    return OK;
}

const struct op op_narrow_conv = {
    .domain = "roost",
    .name = "NarrowConv",
    .code = OP_CODE_narrow_conv,
    .since = {1},
    .types = OP_T(U8) | OP_T(BF16) | OP_T(F32),
    .items = OP_ITEMS(0) | OP_ITEMS(4),
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
