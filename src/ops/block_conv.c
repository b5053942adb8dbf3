/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.BlockConv: act(Conv(X, W, B) + Z) over two spatial dims, on blocked tensors. W is laid out
 * for the form that attribute block_form names (kernels/blocked.h); X is plain [batch][channels]
 * [height][width] in the plain form. B, one number per lane of the output's blocks, and Z, of the
 * output's shape, may be left out. Conv-11's attributes, block_form, activation, act_low, act_high.
 * source: ours */
#include <inttypes.h>

#include "ops/blocked_common.h"
#include "ops/conv_common.h"

static const char name[] = "BlockConv";

struct params {
    struct conv_params conv;
    int64_t form;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = conv_prepare(node, name, &p->conv, err);
    if (s == OK)
        s = op_activation(node, &p->conv.epilogue, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_block_form, BLOCK_DIRECT, &p->form, err);
    if (s != OK)
        return s;
    if (p->form < 0 || p->form >= BLOCK_FORMS)
        return err_set(err, E_UNSUPPORTED, "%s: form %" PRId64 " is not known", name, p->form);
    return OK;
}

/* What each form's weights are, dim by dim: the names below, or a number. */
enum { GROUP_BLOCKS = -1, IN_BLOCKS = -2, ROWS = -3, COLUMNS = -4, IN_C = -5, OUT_BLOCKS = -6 };
static const struct {
    int rank;
    int dims[6];
    const char *expected;
} layouts[BLOCK_FORMS] = {
    [BLOCK_DIRECT] = {6,
                      {GROUP_BLOCKS, IN_BLOCKS, ROWS, COLUMNS, 16, 16},
                      "[out blocks][in blocks of a group][rows][columns][16][16]"},
    [BLOCK_PLAIN] = {5,
                     {OUT_BLOCKS, ROWS, COLUMNS, IN_C, 16},
                     "[out blocks][rows][columns][channels of input 0][16]"},
    [BLOCK_DEPTHWISE] = {4, {GROUP_BLOCKS, ROWS, COLUMNS, 16}, "[blocks][rows][columns][16]"},
    [BLOCK_WINOGRAD] = {5,
                        {36, OUT_BLOCKS, IN_BLOCKS, 16, 16},
                        "[36][out blocks][in blocks][16][16]"},
};

/* Reads the sizes off W; what they must be beside X's is the caller's. */
static enum status read_weights(const struct params *p, const struct tensor *w,
                                struct block_conv *c, struct err *err)
{
    const enum block_form form = c->form;
    int64_t blocks = 0;
    bool fits = w->rank == layouts[form].rank;
    for (int i = 0; fits && i < w->rank; i++) {
        int what = layouts[form].dims[i];
        if (what > 0)
            fits = w->dims[i] == what;
        if (what == GROUP_BLOCKS || what == OUT_BLOCKS)
            blocks = w->dims[i];
        if (what == IN_BLOCKS)
            c->in_blocks = w->dims[i];
        if (what == IN_C)
            c->in_c = w->dims[i];
        if (what == ROWS || what == COLUMNS)
            c->kernel[what == COLUMNS] = w->dims[i];
    }
    c->groups = form == BLOCK_DEPTHWISE ? blocks : p->conv.group;
    fits = fits && blocks > 0 && blocks % c->groups == 0 && c->in_blocks > 0 && c->in_c > 0;
    if (!fits)
        return op_bad(name, 1, w, layouts[form].expected, err);
    c->out_blocks = blocks / c->groups;
    return OK;
}

/* The forms that cannot do all that attributes can ask for. */
static enum status check_form(const struct block_conv *c, struct err *err)
{
    bool three = true;
    for (int i = 0; i < 2; i++)
        three = three && c->kernel[i] == 3 && c->stride[i] == 1 && c->dilation[i] == 1;
    if (c->form == BLOCK_WINOGRAD && !three)
        return err_set(err, E_BAD_INPUT,
                       "%s: Winograd's form is of kernels of 3 x 3, stride and dilation 1", name);
    if ((c->form == BLOCK_WINOGRAD || c->form == BLOCK_PLAIN) && c->groups != 1)
        return err_set(err, E_BAD_INPUT, "%s: %" PRId64 " groups in a form of one", name,
                       c->groups);
    return OK;
}

static enum status place(const struct params *p, const struct tensor *x, struct block_conv *c,
                         struct err *err)
{
    struct placed_window at;
    const struct tensor image = c->form == BLOCK_PLAIN ? *x : block_image(x);
    int64_t blocks = c->form == BLOCK_PLAIN ? c->in_c : c->groups * c->in_blocks;
    if (image.rank != 4 || image.dims[1] != blocks)
        return op_bad(name, 0, x, "as many channels or blocks as input 1 reads", err);
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
    return check_form(c, err);
}

/* All sizes; pointers stay NULL. */
static enum status describe(const struct params *p, const struct tensor *x, const struct tensor *w,
                            struct block_conv *c, struct err *err)
{
    *c = (struct block_conv){.form = (enum block_form)p->form,
                             .in_blocks = 1,
                             .in_c = 1,
                             .kernel = {3, 3},
                             .epilogue = p->conv.epilogue};
    enum status s = read_weights(p, w, c, err);
    return s == OK ? place(p, x, c, err) : s;
}

static enum status check_rest(const struct op_infer *ctx, const struct block_conv *c,
                              struct err *err)
{
    const struct tensor *b = op_operand(ctx->in, ctx->n_in, 2),
                        *z = op_operand(ctx->in, ctx->n_in, 3);
    if (b && (b->rank != 1 || b->dims[0] != c->groups * c->out_blocks * BLOCK_LANES))
        return op_bad(name, 2, b, "one element per lane of the output's blocks", err);
    if (z && !shape_same(z, ctx->out[0]))
        return op_bad(name, 3, z, "the shape of the output", err);
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, name, 2, err);
    for (int i = 0; i < ctx->n_in && s == OK; i++)
        s = op_only(ctx, name, i, DT_F32, err);
    if (s == OK && p->form != BLOCK_PLAIN)
        s = block_operand(ctx, name, 0, err);
    struct block_conv c;
    if (s == OK)
        s = describe(p, ctx->in[0], ctx->in[1], &c, err);
    if (s != OK)
        return s;
    const int64_t dims[] = {c.batch, c.groups * c.out_blocks, c.out[0], c.out[1], BLOCK_LANES};
    s = op_output(ctx, 0, name, DT_F32, BLOCK_RANK, dims, err);
    if (s == OK)
        s = check_rest(ctx, &c, err);
    if (s == OK && !block_conv_scratch(&c, &ctx->scratch_bytes))
        return err_set(err, E_UNSUPPORTED, "%s: the transformed input has no size", name);
    return s;
}

struct shared {
    const struct block_conv *c;
    int64_t phase;
};

static void part(void *arg, int64_t from, int64_t to)
{
    const struct shared *s = arg;
    block_conv_part(s->c, s->phase, from, to);
}

static void run_shared(const struct block_conv *c, const struct op_team *team)
{
    struct shared s = {c, 0};
    for (int64_t phases = block_conv_phases(c); s.phase < phases; s.phase++)
        team->share(team->self, part, &s, block_conv_items(c, s.phase));
}

/* Multiply-adds of one phase, were the form direct. */
static double phase_work(const struct block_conv *c)
{
    double in = c->form == BLOCK_PLAIN ? (double)c->in_c : (double)c->in_blocks * BLOCK_LANES;
    double each = c->form == BLOCK_DEPTHWISE ? 1 : in;
    return each * (double)(c->kernel[0] * c->kernel[1]) * (double)(c->groups * c->out_blocks) *
           BLOCK_LANES * (double)(c->batch * c->out[0] * c->out[1]) / (double)block_conv_phases(c);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct tensor *b = op_operand(ctx->in, ctx->n_in, 2),
                        *z = op_operand(ctx->in, ctx->n_in, 3);
    struct block_conv c;
    enum status s = describe(ctx->params, ctx->in[0], ctx->in[1], &c, err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    c.x = ctx->in[0]->data;
    c.w = ctx->in[1]->data;
    c.bias = b ? b->data : NULL;
    c.sum = z ? z->data : NULL;
    c.y = ctx->out[0]->data;
    c.scratch = ctx->scratch;
    if (ctx->team && phase_work(&c) >= OP_TEAM_WORK)
        run_shared(&c, ctx->team);
    else
        block_conv_f32(&c);
    return OK;
}

const struct op op_block_conv = {
    .domain = "roost",
    .name = "BlockConv",
    .code = OP_CODE_block_conv,
    .since = {1},
    .types = OP_T(F32),
    .items = OP_ITEMS(0) | OP_ITEMS(3),
    .in_min = 2,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
