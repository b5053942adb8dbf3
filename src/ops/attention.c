/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* roost.Attention(Q, K, V, mask): softmax(scale * Q K' + mask) V for every batch item and head,
 * without the matrix of all scores. Q is [batch][heads][rows][depth], K [batch][heads][columns]
 * [depth], V [batch][heads][columns][width], or all without a batch; `forms` says which of them lie
 * otherwise, so that no transposition is needed before or after. The mask, which may be left out,
 * broadcasts to [batch][heads][rows][columns]. Attributes: scale, forms.  source: ours */
#include "ops/attention.h"

#include <inttypes.h>

#include "kernels/attention.h"
#include "ops/ops_priv.h"

static const char name[] = "Attention";

struct params {
    int64_t forms; /* bits of enum attention_form */
    float scale;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = attr_float(&node->attrs, ATTR_scale, 1, &p->scale, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_forms, 0, &p->forms, err);
    if (s != OK)
        return s;
    int64_t both = ATTENTION_K_ROWS | ATTENTION_K_DEPTH;
    if (p->forms < 0 || p->forms >= ATTENTION_FORMS || (p->forms & both) == both)
        return err_set(err, E_CORRUPT, "%s: attribute forms is %" PRId64, name, p->forms);
    return OK;
}

/* One operand's dims, whatever its form. */
struct matrices {
    int64_t batch, heads, rows, width;
    struct attention_part at;
};

/* Rank 3 is one batch item. */
static struct matrices describe(const struct tensor *t, bool by_rows)
{
    const int first = t->rank - 3;
    const int64_t *d = t->dims + first;
    struct matrices m = {.batch = first ? t->dims[0] : 1, .width = d[2]};
    m.heads = d[by_rows ? 1 : 0];
    m.rows = d[by_rows ? 0 : 1];
    m.at.data = t->data;
    m.at.row = by_rows ? op_span(d, 1, 3) : m.width;
    m.at.head = by_rows ? m.width : op_span(d, 1, 3);
    m.at.item = op_span(d, 0, 3);
    return m;
}

static bool same_heads(const struct matrices *a, const struct matrices *b)
{
    return a->batch == b->batch && a->heads == b->heads;
}

/* The mask's strides; false when it does not broadcast to the scores. */
static bool lay_mask(const struct tensor *t, int rank, struct attention *a)
{
    const int64_t want[] = {a->columns, a->rows, a->heads, a->batch};
    int64_t *const steps[] = {&a->mask_column, &a->mask.row, &a->mask.head, &a->mask.item};
    if (t->rank > rank)
        return false;
    for (int i = 0; i < t->rank; i++) {
        int64_t d = t->dims[t->rank - 1 - i];
        if (d != 1 && d != want[i])
            return false;
        *steps[i] = d == 1 ? 0 : op_span(t->dims, t->rank - i, t->rank);
    }
    a->mask.data = t->data;
    return true;
}

/* All sizes and strides; what y's are follows from the others. */
static enum status lay(const struct params *p, int n_in, const struct tensor *const *in,
                       struct attention *a, struct err *err)
{
    int rank = in[0]->rank;
    for (int i = 0; i < 3; i++)
        if (in[i]->rank != rank || rank < 3 || rank > 4)
            return op_bad(name, i, in[i], "rank 3 or 4, as the other operands", err);
    struct matrices q = describe(in[0], p->forms & ATTENTION_Q_ROWS);
    struct matrices k = describe(in[1], p->forms & ATTENTION_K_ROWS);
    struct matrices v = describe(in[2], p->forms & ATTENTION_V_ROWS);
    bool by_depth = p->forms & ATTENTION_K_DEPTH;
    int64_t depth = by_depth ? k.rows : k.width, columns = by_depth ? k.width : k.rows;
    if (!same_heads(&q, &k) || depth != q.width)
        return op_bad(name, 1, in[1], "the batch, heads and depth of input 0", err);
    if (!same_heads(&q, &v) || v.rows != columns)
        return op_bad(name, 2, in[2], "the batch and heads of input 0, the columns of input 1",
                      err);
    *a = (struct attention){.batch = q.batch,
                            .heads = q.heads,
                            .rows = q.rows,
                            .columns = columns,
                            .depth = depth,
                            .width = v.width,
                            .q = q.at,
                            .k = k.at,
                            .v = v.at,
                            .scale = p->scale,
                            .k_by_depth = by_depth};
    if (n_in > 3 && in[3] && !lay_mask(in[3], rank, a))
        return op_bad(name, 3, in[3], "a shape that broadcasts to the scores", err);
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, name, 3, err);
    for (int i = 0; i < ctx->n_in && s == OK; i++)
        s = op_only(ctx, name, i, DT_F32, err);
    struct attention a;
    if (s == OK)
        s = lay(p, ctx->n_in, ctx->in, &a, err);
    if (s != OK)
        return s;
    bool by_rows = p->forms & ATTENTION_Y_ROWS;
    int64_t dims[] = {a.batch, by_rows ? a.rows : a.heads, by_rows ? a.heads : a.rows, a.width};
    int rank = ctx->in[0]->rank;
    s = op_output(ctx, 0, name, DT_F32, rank, dims + 4 - rank, err);
    if (s == OK && !attention_f32_scratch(&a, &ctx->scratch_bytes))
        return err_set(err, E_UNSUPPORTED, "%s: a block of scores has no size", name);
    return s;
}

static void part(void *attention, int64_t from, int64_t to)
{
    attention_f32(attention, from, to);
}

static double work_of(const struct attention *a)
{
    return (double)(a->batch * a->heads) * (double)a->rows * (double)a->columns *
           (double)(a->depth + a->width);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    struct attention a;
    enum status s = lay(p, ctx->n_in, ctx->in, &a, err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    a.y = describe(ctx->out[0], p->forms & ATTENTION_Y_ROWS).at;
    a.out = ctx->out[0]->data;
    a.scratch = ctx->scratch;
    if (ctx->team && work_of(&a) >= OP_TEAM_WORK)
        ctx->team->share(ctx->team->self, part, &a, attention_parts(&a));
    else
        attention_f32(&a, 0, attention_parts(&a));
    return OK;
}

uint64_t attention_flops(const void *params, const struct op_shapes *s)
{
    struct attention a;
    struct err ignored;
    uint64_t work = 2;
    if (lay(params, 3, s->in, &a, &ignored) != OK)
        return 0;
    const int64_t factors[] = {a.batch, a.heads, a.rows, a.columns, a.depth + a.width};
    for (size_t i = 0; i < ARRAY_COUNT(factors); i++)
        if (__builtin_mul_overflow(work, (uint64_t)factors[i], &work))
            return UINT64_MAX;
    return work;
}

const struct op op_attention = {
    .domain = "roost",
    .name = "Attention",
    .code = OP_CODE_attention,
    .since = {1},
    .types = OP_T(F32),
    .in_min = 3,
    .in_max = 4,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
