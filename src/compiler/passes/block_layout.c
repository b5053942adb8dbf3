/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Convolutions over images, and what stands between them, work on channels in blocks of 16
 * (kernels/blocked.h). The pass walks the nodes once: a convolution takes its operands in blocks
 * and gives its result so; pools, scales, element-wise operators and Concat follow what they read;
 * every other node, and the graph's outputs, take a value as it was, unpacked where it is first
 * asked for. It runs once, when nothing else is left to fuse. */
#include "compiler/passes/block.h"

#include <string.h>

#include "base/alloc.h"
#include "compiler/passes/passes.h"

int64_t block_channels(const struct blocker *b, int32_t value)
{
    if (value == ARTIFACT_NO_TENSOR || (uint32_t)value >= b->n_values ||
        !view_is_f32(&b->v, value) || view_rank(&b->v, value) != 4)
        return 0;
    int64_t channels = probes_dim(b->g, &b->v.p, value, 1);
    return channels > 0 ? channels : 0;
}

bool block_has(const struct blocker *b, int32_t value)
{
    return value != ARTIFACT_NO_TENSOR && (uint32_t)value < b->n_values &&
           b->blocked[value] != ARTIFACT_NO_TENSOR;
}

/* A list of two numbers, or 1 and 1. False when it has another length. */
static bool pair_of(struct graph *g, const struct node *n, enum attr_key key, int64_t out[2])
{
    struct attr_list l = {n->attrs, n->n_attrs};
    int count;
    out[0] = out[1] = 1;
    return !attr_find(&l, key) || (node_ints(g, n, key, -1, out, 2, &count) && count == 2);
}

bool block_shape_of(const struct blocker *b, const struct node *n, struct block_shape *out)
{
    bool fused = strcmp(n->op->domain, "roost") == 0 && strcmp(n->op->name, "FusedConv") == 0;
    if ((!fused && !node_is(n, "Conv")) || n->n_in < 2 || !value_is_const(b->g, n->in[1]))
        return false;
    const struct tensor *w = &b->g->values[n->in[1]].t;
    int32_t bias = node_in(n, 2);
    *out = (struct block_shape){.in_c = block_channels(b, n->in[0]),
                                .out_c = block_channels(b, n->out[0]),
                                .group = node_int(n, ATTR_group, 1)};
    if (!out->in_c || !out->out_c || w->dtype != DT_F32 || w->rank != 4 || out->group < 1 ||
        out->in_c % out->group || w->dims[0] != out->out_c ||
        w->dims[1] != out->in_c / out->group || tensor_count(w) == 0 ||
        (bias != ARTIFACT_NO_TENSOR && !value_is_const(b->g, bias)))
        return false;
    for (int i = 0; i < 2; i++) {
        out->kernel[i] = w->dims[2 + i];
        out->out[i] = b->v.p.at[0].t[n->out[0]].dims[2 + i];
    }
    return pair_of(b->g, n, ATTR_strides, out->stride) &&
           pair_of(b->g, n, ATTR_dilations, out->dilation);
}

enum status block_node(struct blocker *b, const struct node_new *as, const char *name, int32_t out)
{
    const struct op *op = op_by_name(as->domain, as->op);
    int32_t made;
    ASSERT(op);
    enum status s = graph_value(b->g, "", &made);
    if (s == OK)
        s = graph_node(b->g, op, op_version(op, as->opset), name, as->in, as->n_in, &made, 1,
                       as->attrs, as->n_attrs);
    if (s == OK)
        b->blocked[out] = made;
    return s;
}

enum status block_get(struct blocker *b, int32_t value, int32_t *out)
{
    enum status s = OK;
    if (!block_has(b, value)) {
        const struct node_new pack = {
            .domain = "roost", .op = "BlockPack", .opset = 1, .in = &value, .n_in = 1};
        s = block_node(b, &pack, "", value);
    }
    *out = b->blocked[value];
    return s;
}

/* Makes the value what it was, when it is there in blocks alone. */
static enum status unpack(struct blocker *b, int32_t value)
{
    if (value == ARTIFACT_NO_TENSOR || (uint32_t)value >= b->n_values || b->plain[value] ||
        !block_has(b, value))
        return OK;
    const struct op *op = op_by_name("roost", "BlockUnpack");
    const struct attr channels = {
        .key = ATTR_channels, .type = ATTR_INT, .count = 1, .i = block_channels(b, value)};
    b->plain[value] = 1;
    return graph_node(b->g, op, op->since[0], "", &b->blocked[value], 1, &value, 1, &channels, 1);
}

static enum status convolution(struct blocker *b, const struct node *n, enum block_form form)
{
    struct block_shape shape;
    int32_t in[4] = {n->in[0], n->in[1], node_in(n, 2), node_in(n, 3)};
    bool known = block_shape_of(b, n, &shape);
    ASSERT(known);
    enum status s = form == BLOCK_PLAIN ? unpack(b, in[0]) : block_get(b, in[0], &in[0]);
    if (s == OK)
        s = block_weights(b->g, n->in[1], &shape, form, &in[1]);
    if (s == OK && in[2] != ARTIFACT_NO_TENSOR)
        s = block_row(b->g, in[2], &in[2]);
    if (s == OK && in[3] != ARTIFACT_NO_TENSOR)
        s = block_get(b, in[3], &in[3]);
    struct attr *attrs = graph_alloc(b->g, (n->n_attrs + 1) * sizeof(*attrs));
    if (s != OK || !attrs)
        return E_NO_MEMORY;
    if (n->n_attrs)
        memcpy(attrs, n->attrs, n->n_attrs * sizeof(*attrs));
    attrs[n->n_attrs] =
        (struct attr){.key = ATTR_block_form, .type = ATTR_INT, .count = 1, .i = form};
    const struct node_new as = {.domain = "roost",
                                .op = "BlockConv",
                                .opset = 1,
                                .in = in,
                                .n_in = in[3] != ARTIFACT_NO_TENSOR   ? 4
                                        : in[2] != ARTIFACT_NO_TENSOR ? 3
                                                                      : 2,
                                .attrs = attrs,
                                .n_attrs = n->n_attrs + 1};
    return block_node(b, &as, n->name, n->out[0]);
}

/* A node that stays what it is. */
static enum status keep(struct blocker *b, const struct node *n)
{
    enum status s = OK;
    for (uint32_t i = 0; s == OK && i < n->n_in; i++)
        s = unpack(b, n->in[i]);
    for (uint32_t i = 0; i < n->n_out; i++)
        if (n->out[i] != ARTIFACT_NO_TENSOR)
            b->plain[n->out[i]] = 1;
    return s == OK ? graph_append(b->g, n) : s;
}

static enum status walk(struct blocker *b)
{
    enum status s = OK;
    b->g->n_nodes = 0;
    for (uint32_t i = 0; s == OK && i < b->n_old; i++) {
        const struct node *n = &b->old[i];
        bool done = b->form[i] != NOT_BLOCKED;
        if (done)
            s = convolution(b, n, (enum block_form)b->form[i]);
        else
            s = block_follow(b, n, &done);
        if (s == OK && !done)
            s = keep(b, n);
    }
    for (uint32_t i = 0; s == OK && i < b->g->n_outputs; i++)
        s = unpack(b, b->g->outputs[i]);
    return s;
}

static enum status prepare(struct graph *g, struct blocker *b, struct err *err)
{
    b->n_values = g->n_values;
    b->n_old = g->n_nodes;
    b->old = alloc_zero(MAX(g->n_nodes, 1), sizeof(*b->old));
    b->blocked = alloc_zero(MAX(g->n_values, 1), sizeof(*b->blocked));
    b->plain = alloc_zero(MAX(g->n_values, 1), 1);
    b->form = alloc_zero(MAX(g->n_nodes, 1), 1);
    if (!b->old || !b->blocked || !b->plain || !b->form)
        return err_set(err, E_NO_MEMORY, "no memory to lay out %u nodes", g->n_nodes);
    if (g->n_nodes)
        memcpy(b->old, g->nodes, g->n_nodes * sizeof(*b->old));
    for (uint32_t i = 0; i < g->n_values; i++) {
        b->blocked[i] = ARTIFACT_NO_TENSOR;
        b->plain[i] = b->v.u.producer[i] == NO_NODE;
    }
    return OK;
}

enum status pass_block_layout(struct graph *g, struct err *err)
{
    struct blocker b = {.g = g};
    enum status s = view_init(g, &b.v, err);
    if (s != OK)
        return s;
    s = prepare(g, &b, err);
    if (s == OK)
        s = block_choose(&b, err);
    bool any = false;
    for (uint32_t i = 0; s == OK && i < b.n_old; i++)
        any |= b.form[i] != NOT_BLOCKED;
    if (s == OK && any && (s = walk(&b)) != OK)
        err_set(err, s, "no memory to lay out %u nodes", b.n_old);
    alloc_free(b.old);
    alloc_free(b.blocked);
    alloc_free(b.plain);
    alloc_free(b.form);
    view_fini(&b.v);
    return s == OK ? pass_drop_dead(g, err) : s;
}
