/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Which nodes compute narrow. Forward: a layer does where its work saves more than bringing its
 * operand and result from and to float32 costs; what follows narrow values can follow. Backward:
 * what nobody wants narrow stays as it was. The constants were measured once, for all machines, so
 * that a compile is deterministic. */
#include <math.h>
#include <string.h>

#include "compiler/passes/narrow.h"

static const double convert_cost = 24; /* of one element, in multiply-adds of float32 */
static const double saved_share = 0.5; /* of a multiply-add: bfloat16 saves about so much */
enum { WEIGHTS_MIN = 1024 };           /* fewer are not worth storing otherwise */

bool narrow_is(const struct node *n, const char *op)
{
    return strcmp(n->op->domain, "roost") == 0 && strcmp(n->op->name, op) == 0;
}

static int64_t form_of(const struct node *n)
{
    return node_int(n, ATTR_block_form, BLOCK_DIRECT);
}

enum narrow_kind narrow_kind_of(const struct node *n)
{
    static const char *const views[] = {"Reshape",   "Flatten",   "Squeeze",
                                        "Unsqueeze", "Transpose", "Identity"};
    static const char *const moves[] = {"BlockPack", "BlockUnpack", "BlockMaxPool"};
    if (narrow_is(n, "PackedGemm") || (narrow_is(n, "BlockConv") && form_of(n) != BLOCK_WINOGRAD))
        return NARROW_LAYER;
    if (narrow_is(n, "BlockScale") || narrow_is(n, "BlockAveragePool"))
        return NARROW_RESCALE;
    for (size_t i = 0; i < ARRAY_COUNT(moves); i++)
        if (narrow_is(n, moves[i]))
            return NARROW_PASS;
    for (size_t i = 0; i < ARRAY_COUNT(views); i++)
        if (node_is(n, views[i]))
            return NARROW_PASS;
    if (node_is(n, "Gather"))
        return NARROW_TABLE;
    return node_is(n, "Concat") ? NARROW_JOIN : NARROW_KEEP;
}

void narrow_wanted(const struct graph *g, uint8_t *wanted)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct node *n = &g->nodes[i];
        const enum narrow_kind kind = narrow_kind_of(n);
        if (kind == NARROW_KEEP || kind == NARROW_TABLE)
            continue;
        for (uint32_t k = 0; k < n->n_in; k++)
            if (n->in[k] != ARTIFACT_NO_TENSOR && !value_is_const(g, n->in[k]))
                wanted[n->in[k]] = 1;
        for (uint32_t k = 0; k < n->n_out; k++)
            if (n->out[k] != ARTIFACT_NO_TENSOR)
                wanted[n->out[k]] = 1;
    }
}

/* Elements at the probes' first sizes; 0 when the shape is not known. */
static double elements(const struct narrower *b, int32_t value)
{
    const struct tensor *t = &b->v.p.at[0].t[value];
    uint64_t bytes;
    return t->dtype != DT_NONE && tensor_bytes(t, &bytes) ? (double)tensor_count(t) : 0;
}

/* Has the operator kernels for low precision? */
static bool takes_type(const struct narrower *b, const struct op *op)
{
    return op->types & (b->type == NARROW_U8 ? OP_T(U8) : OP_T(BF16));
}

/* Multiply-adds of a layer. */
static double work_of(const struct narrower *b, const struct node *n)
{
    const struct tensor *w = &b->g->values[n->in[1]].t;
    double terms = 1;
    if (narrow_is(n, "PackedGemm"))
        return elements(b, n->out[0]) * (double)w->dims[1];
    for (int i = 1; i < w->rank - 1; i++) /* rows, columns and channels of a group */
        terms *= (double)w->dims[i];
    return elements(b, n->out[0]) * terms;
}

/* Could the value be narrow at all? */
static bool can(const struct narrower *b, int32_t value)
{
    return value != ARTIFACT_NO_TENSOR && view_is_f32(&b->v, value) &&
           (b->type != NARROW_U8 || b->range[value].known);
}

/* Are shapes known, and weights and bias constants? Then they fit the operator, which has looked.
 */
static bool is_whole(const struct narrower *b, const struct node *n)
{
    enum { WEIGHTS = 1, BIAS = 2 };
    const int32_t w = node_in(n, WEIGHTS), bias = node_in(n, BIAS);
    return view_is_f32(&b->v, n->in[0]) && view_is_f32(&b->v, n->out[0]) &&
           value_is_const(b->g, w) && b->g->values[w].t.dtype == DT_F32 &&
           (bias == ARTIFACT_NO_TENSOR || value_is_const(b->g, bias));
}

static bool worth(const struct narrower *b, const struct node *n)
{
    if (!is_whole(b, n) || !narrow_fits(b, n))
        return false;
    const struct tensor *w = &b->g->values[n->in[1]].t;
    const bool conv = narrow_is(n, "BlockConv");
    const bool depthwise = conv && form_of(n) == BLOCK_DEPTHWISE;
    if (b->g->precision == PRECISION_WEIGHTS_BF16)
        return !depthwise && !(conv && form_of(n) == BLOCK_PLAIN) && tensor_count(w) >= WEIGHTS_MIN;
    if (!can(b, n->in[0]))
        return false;
    if (conv && form_of(n) == BLOCK_PLAIN && !takes_type(b, op_by_name("roost", "BlockPack")))
        return false;
    if (depthwise) /* its work is small; it pays in a chain */
        return b->has[n->in[0]];
    double saved = work_of(b, n) * saved_share;
    double cost = b->has[n->in[0]] ? 0 : elements(b, n->in[0]) * convert_cost;
    return saved > cost;
}

/* A table of bytes would want a scale for each row. */
static bool is_table(const struct narrower *b, const struct node *n)
{
    const struct tensor *t = &b->g->values[n->in[0]].t;
    return b->type != NARROW_U8 && value_is_const(b->g, n->in[0]) && t->dtype == DT_F32 &&
           b->v.u.count[n->in[0]] == 1 && tensor_count(t) >= WEIGHTS_MIN;
}

static bool all_have(const struct narrower *b, const struct node *n)
{
    for (uint32_t k = 0; k < n->n_in; k++)
        if (n->in[k] == ARTIFACT_NO_TENSOR || !b->has[n->in[k]])
            return false;
    return n->n_in > 0;
}

/* What a node passes on without change has the range of what it reads. */
static void follow_range(struct narrower *b, const struct node *n)
{
    if (n->n_in == 0 || n->n_out != 1 || n->in[0] == ARTIFACT_NO_TENSOR ||
        n->out[0] == ARTIFACT_NO_TENSOR)
        return;
    struct range *to = &b->range[n->out[0]];
    const struct range *from = &b->range[n->in[0]];
    if (!to->known && from->known)
        *to = *from;
}

static bool takes(struct narrower *b, const struct node *n, enum narrow_kind kind)
{
    if (kind == NARROW_KEEP || n->n_in == 0 || n->n_out != 1 || n->in[0] == ARTIFACT_NO_TENSOR ||
        n->out[0] == ARTIFACT_NO_TENSOR)
        return false;
    if (kind == NARROW_LAYER)
        return worth(b, n);
    if (kind == NARROW_TABLE)
        return is_table(b, n);
    if (b->type == NARROW_F32 || !(narrow_is(n, "BlockScale") || takes_type(b, n->op)) ||
        !view_is_f32(&b->v, n->out[0]))
        return false;
    if (kind == NARROW_JOIN)
        return all_have(b, n);
    return b->has[n->in[0]] && (kind != NARROW_RESCALE || !narrow_is(n, "BlockScale") ||
                                (value_is_const(b->g, n->in[1]) && value_is_const(b->g, n->in[2])));
}

static void forward(struct narrower *b)
{
    for (uint32_t i = 0; i < b->n_old; i++) {
        const struct node *n = &b->old[i];
        const enum narrow_kind kind = narrow_kind_of(n);
        if (kind == NARROW_PASS)
            follow_range(b, n);
        if (!takes(b, n, kind))
            continue;
        b->take[i] = (uint8_t)kind;
        b->has[n->out[0]] = b->type != NARROW_F32 && can(b, n->out[0]);
    }
}

static uint32_t group_of(struct narrower *b, int32_t value)
{
    uint32_t v = (uint32_t)value;
    while (b->group[v] != v)
        v = b->group[v] = b->group[b->group[v]];
    return v;
}

/* From now on both have one scale, for the range of both. */
static void join(struct narrower *b, int32_t x, int32_t y)
{
    uint32_t from = group_of(b, x), to = group_of(b, y);
    if (from == to)
        return;
    struct range *r = &b->range[to];
    const struct range *more = &b->range[from];
    r->low = MIN(r->low, more->low);
    r->high = MAX(r->high, more->high);
    b->group[from] = to;
}

/* The operands that n reads narrow are wanted so; those that it passes on share its scale. */
static void want_operands(struct narrower *b, const struct node *n, enum narrow_kind kind)
{
    enum { SUM = 3 };
    const int32_t sum = kind == NARROW_LAYER ? node_in(n, SUM) : ARTIFACT_NO_TENSOR;
    if (b->type == NARROW_F32)
        return;
    b->want[n->in[0]] = 1;
    if (sum != ARTIFACT_NO_TENSOR && b->has[sum])
        b->want[sum] = 1;
    if (kind == NARROW_PASS)
        join(b, n->in[0], n->out[0]);
    for (uint32_t k = 0; kind == NARROW_JOIN && k < n->n_in; k++) {
        b->want[n->in[k]] = 1;
        join(b, n->in[k], n->out[0]);
    }
}

static void backward(struct narrower *b)
{
    for (uint32_t i = b->n_old; i-- > 0;) {
        const struct node *n = &b->old[i];
        const enum narrow_kind kind = (enum narrow_kind)b->take[i];
        bool passes = kind == NARROW_PASS || kind == NARROW_JOIN;
        if (kind == NARROW_KEEP || kind == NARROW_TABLE)
            continue;
        if (passes && !(b->want[n->out[0]] && b->has[n->out[0]]))
            b->take[i] = NARROW_KEEP;
        else
            want_operands(b, n, kind);
    }
}

void narrow_choose(struct narrower *b)
{
    for (uint32_t i = 0; i < b->n_values; i++) {
        b->group[i] = i;
        if (b->seen)
            b->range[i] = b->seen[i];
    }
    forward(b);
    backward(b);
    for (uint32_t i = 0; i < b->n_values; i++)
        b->group[i] = group_of(b, (int32_t)i);
}

struct scale narrow_scale_of(const struct narrower *b, int32_t value)
{
    enum { TOP = UINT8_MAX };
    const struct range *r = &b->range[b->group[value]];
    float scale = (r->high - r->low) / TOP;
    if (!isnormal(scale) || !isnormal(1 / scale))
        return (struct scale){1, 0};
    long zero = lrintf(-r->low / scale);
    return (struct scale){scale, (int32_t)(zero < 0 ? 0 : MIN(zero, (long)TOP))};
}
