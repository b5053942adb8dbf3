/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Writes the list of nodes anew. A value may exist in low precision, in float32, or in both, each
 * made at most once: where a node asks for a form that is not there yet, it is converted. A layer
 * whose result nobody wants narrow stores float32 itself. */
#include "compiler/passes/narrow.h"

#include <string.h>

#include "base/alloc.h"
#include "compiler/passes/passes.h"

enum { SUM = 3, ATTRS_MAX = 32 };

/* Attributes of a node in the making. */
struct attrs {
    struct attr a[ATTRS_MAX];
    uint32_t n;
};

static void add_int(struct attrs *l, enum attr_key key, int64_t v)
{
    if (l->n < ATTRS_MAX)
        l->a[l->n++] = (struct attr){.key = key, .type = ATTR_INT, .count = 1, .i = v};
}

static void add_float(struct attrs *l, enum attr_key key, float v)
{
    if (l->n < ATTRS_MAX)
        l->a[l->n++] = (struct attr){.key = key, .type = ATTR_FLOAT, .count = 1, .f = v};
}

/* All of a node's but its form, with room for ours. */
static void copy_attrs(struct attrs *l, const struct node *n)
{
    enum { OURS = 8 };
    l->n = 0;
    for (uint32_t i = 0; i < n->n_attrs && l->n < ATTRS_MAX - OURS; i++)
        if (n->attrs[i].key != ATTR_block_form)
            l->a[l->n++] = n->attrs[i];
}

static bool is_bytes(const struct narrower *b)
{
    return b->type == NARROW_U8;
}

/* ---- values ---- */

static enum status append(struct narrower *b, const char *domain, const char *name,
                          const struct node_new *as, int32_t out)
{
    const struct op *op = op_by_name(domain, name);
    ASSERT(op);
    return graph_node(b->g, op, op_version(op, as->opset), "", as->in, as->n_in, &out, 1, as->attrs,
                      as->n_attrs);
}

/* A constant of one element. */
static enum status scalar(struct graph *g, enum dtype dtype, const void *from, int32_t *out)
{
    struct tensor t = {.dtype = dtype, .rank = 0};
    t.data = graph_alloc(g, dtype_bytes(dtype));
    if (!t.data)
        return E_NO_MEMORY;
    memcpy(t.data, from, dtype_bytes(dtype));
    return graph_const(g, "", &t, out);
}

/* value -> out or back, by its scale. */
static enum status convert_bytes(struct narrower *b, int32_t value, int32_t from, int32_t to,
                                 bool narrow)
{
    const struct scale q = narrow_scale_of(b, value);
    const uint8_t zero = (uint8_t)q.zero;
    int32_t in[3] = {from};
    enum status s = scalar(b->g, DT_F32, &q.scale, &in[1]);
    if (s == OK)
        s = scalar(b->g, DT_U8, &zero, &in[2]);
    const struct node_new as = {.opset = 13, .in = in, .n_in = 3};
    return s == OK ? append(b, "", narrow ? "QuantizeLinear" : "DequantizeLinear", &as, to) : s;
}

static enum status convert(struct narrower *b, int32_t value, int32_t from, int32_t to, bool narrow)
{
    if (is_bytes(b))
        return convert_bytes(b, value, from, to, narrow);
    const struct attr type = {
        .key = ATTR_to, .type = ATTR_INT, .count = 1, .i = narrow ? DT_BF16 : DT_F32};
    const struct node_new as = {.opset = 13, .in = &from, .n_in = 1, .attrs = &type, .n_attrs = 1};
    return append(b, "", "Cast", &as, to);
}

/* Makes the value float32, when it is there in low precision alone. */
static enum status widen(struct narrower *b, int32_t value)
{
    if (value == ARTIFACT_NO_TENSOR || (uint32_t)value >= b->n_values || b->wide[value] ||
        b->narrow[value] == ARTIFACT_NO_TENSOR)
        return OK;
    b->wide[value] = 1;
    return convert(b, value, b->narrow[value], value, false);
}

/* The value in low precision. */
static enum status narrowed(struct narrower *b, int32_t value, int32_t *out)
{
    enum status s = OK;
    if (b->narrow[value] == ARTIFACT_NO_TENSOR) {
        int32_t made;
        s = graph_value(b->g, "", &made);
        if (s == OK)
            s = convert(b, value, value, made, true);
        if (s == OK)
            b->narrow[value] = made;
    }
    *out = b->narrow[value];
    return s;
}

/* Where a taken node writes old value `value`: a new one in low precision, or itself. */
static enum status result(struct narrower *b, int32_t value, int32_t *out)
{
    *out = value;
    if (!b->want[value] || !b->has[value]) {
        b->wide[value] = 1;
        return OK;
    }
    enum status s = graph_value(b->g, "", out);
    if (s == OK)
        b->narrow[value] = *out;
    return s;
}

/* ---- nodes ---- */

static void say_bytes(const struct narrower *b, struct attrs *l, int32_t value,
                      const enum attr_key keys[2])
{
    const struct scale q = narrow_scale_of(b, value);
    add_float(l, keys[0], q.scale);
    add_int(l, keys[1], q.zero);
}

/* y_type, and what bytes of operand and result mean. */
static void say_types(const struct narrower *b, struct attrs *l, const struct node *n)
{
    static const enum attr_key x[2] = {ATTR_x_scale, ATTR_x_zero};
    static const enum attr_key y[2] = {ATTR_y_scale, ATTR_y_zero};
    const int32_t out = n->out[0];
    const bool narrow = b->narrow[out] != ARTIFACT_NO_TENSOR;
    add_int(l, ATTR_y_type, !narrow ? DT_F32 : is_bytes(b) ? DT_U8 : DT_BF16);
    if (is_bytes(b))
        say_bytes(b, l, n->in[0], x);
    if (is_bytes(b) && narrow)
        say_bytes(b, l, out, y);
}

/* The layer's form in low precision: planes of bytes are read as they are where a word holds all
 * of their channels. */
static enum block_form layer_form(const struct narrower *b, const struct node *n)
{
    const enum block_form form = (enum block_form)node_int(n, ATTR_block_form, BLOCK_DIRECT);
    if (form == BLOCK_PLAIN && is_bytes(b) &&
        b->g->values[n->in[1]].t.dims[3] <= NARROW_PLANES_MOST)
        return BLOCK_PLAIN;
    return form == BLOCK_DEPTHWISE ? BLOCK_DEPTHWISE : BLOCK_DIRECT;
}

/* The operand of a layer: other planes are packed into blocks here. */
static enum status layer_operand(struct narrower *b, const struct node *n, int32_t *out)
{
    const bool pack = narrow_is(n, "BlockConv") &&
                      node_int(n, ATTR_block_form, BLOCK_DIRECT) == BLOCK_PLAIN &&
                      layer_form(b, n) != BLOCK_PLAIN;
    enum status s = OK;
    if (b->type == NARROW_F32) {
        *out = n->in[0];
        s = widen(b, n->in[0]);
    } else {
        s = narrowed(b, n->in[0], out);
    }
    if (s != OK || !pack)
        return s;
    const struct node_new as = {.opset = 1, .in = out, .n_in = 1};
    int32_t packed;
    s = graph_value(b->g, "", &packed);
    if (s == OK)
        s = append(b, "roost", "BlockPack", &as, packed);
    *out = packed;
    return s;
}

/* The residual addend, as it is there. */
static enum status layer_sum(struct narrower *b, int32_t sum, struct attrs *l, int32_t *out)
{
    static const enum attr_key z[2] = {ATTR_z_scale, ATTR_z_zero};
    *out = sum;
    if (sum == ARTIFACT_NO_TENSOR || b->narrow[sum] == ARTIFACT_NO_TENSOR)
        return OK;
    *out = b->narrow[sum];
    if (is_bytes(b))
        say_bytes(b, l, sum, z);
    return OK;
}

static uint32_t count_operands(const int32_t *in, uint32_t n)
{
    while (n && in[n - 1] == ARTIFACT_NO_TENSOR)
        n--;
    return n;
}

static enum status layer(struct narrower *b, const struct node *n)
{
    const bool product = narrow_is(n, "PackedGemm");
    const struct op *op = op_by_name("roost", product ? "NarrowGemm" : "NarrowConv");
    int32_t in[5], out;
    struct attrs l;
    struct narrow_layer made;
    const struct scale x = is_bytes(b) ? narrow_scale_of(b, n->in[0]) : (struct scale){1, 0};
    copy_attrs(&l, n);
    enum status s = layer_operand(b, n, &in[0]);
    if (s == OK)
        s = narrow_weights(b, n, &x, &made);
    if (s == OK)
        s = layer_sum(b, node_in(n, SUM), &l, &in[4]);
    if (s == OK)
        s = result(b, n->out[0], &out);
    if (s != OK)
        return s;
    in[1] = made.w;
    in[2] = made.scale;
    in[3] = made.bias;
    say_types(b, &l, n);
    if (!product)
        add_int(&l, ATTR_block_form, layer_form(b, n));
    return graph_node(b->g, op, op->since[0], n->name, in, count_operands(in, 5), &out, 1, l.a,
                      l.n);
}

/* BlockScale, whose factors take in what bytes mean, and BlockAveragePool. */
static enum status rescale(struct narrower *b, const struct node *n)
{
    const bool pool = narrow_is(n, "BlockAveragePool");
    const struct op *op = op_by_name("roost", pool ? "BlockAveragePool" : "NarrowScale");
    int32_t in[3], out;
    struct attrs l;
    copy_attrs(&l, n);
    enum status s = narrowed(b, n->in[0], &in[0]);
    if (s == OK && !pool) {
        const struct scale x = is_bytes(b) ? narrow_scale_of(b, n->in[0]) : (struct scale){1, 0};
        s = narrow_rows(b, n, &x, &in[1]);
    }
    if (s == OK)
        s = result(b, n->out[0], &out);
    if (s != OK)
        return s;
    say_types(b, &l, n);
    return graph_node(b->g, op, op->since[0], n->name, in, pool ? 1 : 3, &out, 1, l.a, l.n);
}

/* The same node on operands of low precision: the first alone, or all. */
static enum status same(struct narrower *b, const struct node *n, bool all)
{
    int32_t in[OP_INPUTS_MAX], out;
    enum status s = OK;
    memcpy(in, n->in, n->n_in * sizeof(*in));
    for (uint32_t k = 0; s == OK && k < (all ? n->n_in : 1); k++)
        s = narrowed(b, n->in[k], &in[k]);
    if (s == OK)
        s = result(b, n->out[0], &out);
    return s == OK ? graph_node(b->g, n->op, n->version, n->name, in, n->n_in, &out, 1, n->attrs,
                                n->n_attrs)
                   : s;
}

static enum status bf16_table(struct graph *g, int32_t wide, int32_t *out)
{
    uint64_t bytes;
    enum status s = graph_settle(g, wide);
    if (s != OK)
        return s;
    struct tensor t = g->values[wide].t;
    const float *from = t.data;
    t.dtype = DT_BF16;
    uint16_t *to = tensor_bytes(&t, &bytes) ? graph_alloc(g, bytes) : NULL;
    if (!to)
        return E_NO_MEMORY;
    for (int64_t i = 0; i < tensor_count(&t); i++)
        to[i] = f32_to_bf16(from[i]);
    t.data = to;
    return graph_const(g, "", &t, out);
}

/* Gather of bfloat16. What it finds is widened at once unless it is wanted so: a table is read a
 * few rows at a time. */
static enum status table(struct narrower *b, const struct node *n)
{
    int32_t in[2] = {ARTIFACT_NO_TENSOR, n->in[1]}, out = ARTIFACT_NO_TENSOR;
    enum status s = bf16_table(b->g, n->in[0], &in[0]);
    if (s == OK)
        s = widen(b, in[1]);
    if (s == OK)
        s = result(b, n->out[0], &out);
    const bool wide = out == n->out[0];
    if (s == OK && wide)
        s = graph_value(b->g, "", &out);
    if (s == OK)
        s = graph_node(b->g, n->op, n->version, n->name, in, 2, &out, 1, n->attrs, n->n_attrs);
    return s == OK && wide ? convert(b, n->out[0], out, n->out[0], false) : s;
}

static enum status keep(struct narrower *b, const struct node *n)
{
    enum status s = OK;
    for (uint32_t k = 0; s == OK && k < n->n_in; k++)
        s = widen(b, n->in[k]);
    for (uint32_t k = 0; k < n->n_out; k++)
        if (n->out[k] != ARTIFACT_NO_TENSOR)
            b->wide[n->out[k]] = 1;
    return s == OK ? graph_append(b->g, n) : s;
}

static enum status take(struct narrower *b, const struct node *n, enum narrow_kind kind)
{
    switch (kind) {
    case NARROW_LAYER:
        return layer(b, n);
    case NARROW_RESCALE:
        return rescale(b, n);
    case NARROW_PASS:
        return same(b, n, false);
    case NARROW_JOIN:
        return same(b, n, true);
    case NARROW_TABLE:
        return table(b, n);
    default:
        return keep(b, n);
    }
}

static enum status walk(struct narrower *b)
{
    enum status s = OK;
    b->g->n_nodes = 0;
    for (uint32_t i = 0; s == OK && i < b->n_old; i++)
        s = take(b, &b->old[i], (enum narrow_kind)b->take[i]);
    for (uint32_t i = 0; s == OK && i < b->g->n_outputs; i++)
        s = widen(b, b->g->outputs[i]);
    return s;
}

/* ---- the whole ---- */

static bool narrower_init(struct narrower *b)
{
    const struct graph *g = b->g;
    const size_t n = MAX(g->n_values, 1), nodes = MAX(g->n_nodes, 1);
    b->n_values = g->n_values;
    b->n_old = g->n_nodes;
    b->old = alloc_zero(nodes, sizeof(*b->old));
    b->take = alloc_zero(nodes, 1);
    b->range = alloc_zero(n, sizeof(*b->range));
    b->has = alloc_zero(n, 1);
    b->want = alloc_zero(n, 1);
    b->group = alloc_zero(n, sizeof(*b->group));
    b->narrow = alloc_zero(n, sizeof(*b->narrow));
    b->wide = alloc_zero(n, 1);
    if (!b->old || !b->take || !b->range || !b->has || !b->want || !b->group || !b->narrow ||
        !b->wide)
        return false;
    if (g->n_nodes)
        memcpy(b->old, g->nodes, g->n_nodes * sizeof(*b->old));
    for (uint32_t i = 0; i < g->n_values; i++) {
        b->narrow[i] = ARTIFACT_NO_TENSOR;
        b->wide[i] = b->v.u.producer[i] == NO_NODE;
    }
    return true;
}

static void narrower_fini(struct narrower *b)
{
    alloc_free(b->old);
    alloc_free(b->take);
    alloc_free(b->range);
    alloc_free(b->has);
    alloc_free(b->want);
    alloc_free(b->group);
    alloc_free(b->narrow);
    alloc_free(b->wide);
}

static void count_layers(const struct narrower *b, struct narrow_count *count)
{
    *count = (struct narrow_count){0, 0};
    for (uint32_t i = 0; i < b->n_old; i++) {
        count->layers += narrow_kind_of(&b->old[i]) == NARROW_LAYER;
        count->narrowed += b->take[i] == NARROW_LAYER;
    }
}

static enum narrow_type type_for(enum precision p)
{
    return p == PRECISION_INT8 ? NARROW_U8 : p == PRECISION_BF16 ? NARROW_BF16 : NARROW_F32;
}

enum status narrow_graph(struct graph *g, const struct range *ranges, struct narrow_count *count,
                         struct err *err)
{
    struct narrower b = {.g = g, .seen = ranges, .type = type_for(g->precision)};
    enum status s = view_init(g, &b.v, err);
    if (s != OK)
        return s;
    if (!narrower_init(&b)) {
        s = err_set(err, E_NO_MEMORY, "no memory to lay out %u nodes", g->n_nodes);
    } else {
        narrow_choose(&b);
        count_layers(&b, count);
        if (count->narrowed && (s = walk(&b)) != OK)
            err_set(err, s, "no memory to lay out %u nodes", b.n_old);
    }
    narrower_fini(&b);
    view_fini(&b.v);
    return s == OK ? pass_drop_dead(g, err) : s;
}
