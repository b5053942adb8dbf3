/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Program -> boxes and lines. Weights are no boxes: an operator's box names the shapes of its
 * constants, so that a picture shows the way of the data. */
#include "cli/graph/picture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { TITLE_CHARS = 28, NAME_CHARS = 34, SHAPE_CHARS = 36, SYMBOL_CHARS = 12 };

static const struct {
    enum picture_family family;
    const char *op;
} families[] = {
    {FAMILY_PRODUCT, "Conv"},
    {FAMILY_PRODUCT, "FusedConv"},
    {FAMILY_PRODUCT, "ConvTranspose"},
    {FAMILY_PRODUCT, "ConvInteger"},
    {FAMILY_PRODUCT, "QLinearConv"},
    {FAMILY_PRODUCT, "Gemm"},
    {FAMILY_PRODUCT, "FusedGemm"},
    {FAMILY_PRODUCT, "MatMul"},
    {FAMILY_PRODUCT, "MatMulInteger"},
    {FAMILY_PRODUCT, "QLinearMatMul"},
    {FAMILY_PRODUCT, "Einsum"},
    {FAMILY_PRODUCT, "Attention"},
    {FAMILY_PRODUCT, "Linear"},
    {FAMILY_PRODUCT, "LSTM"},
    {FAMILY_PRODUCT, "GRU"},
    {FAMILY_PRODUCT, "RNN"},
    {FAMILY_ACTIVATION, "Relu"},
    {FAMILY_ACTIVATION, "LeakyRelu"},
    {FAMILY_ACTIVATION, "PRelu"},
    {FAMILY_ACTIVATION, "Clip"},
    {FAMILY_ACTIVATION, "Sigmoid"},
    {FAMILY_ACTIVATION, "HardSigmoid"},
    {FAMILY_ACTIVATION, "HardSwish"},
    {FAMILY_ACTIVATION, "Tanh"},
    {FAMILY_ACTIVATION, "Elu"},
    {FAMILY_ACTIVATION, "Selu"},
    {FAMILY_ACTIVATION, "Celu"},
    {FAMILY_ACTIVATION, "Gelu"},
    {FAMILY_ACTIVATION, "Mish"},
    {FAMILY_ACTIVATION, "Erf"},
    {FAMILY_ACTIVATION, "Silu"},
    {FAMILY_ACTIVATION, "Softmax"},
    {FAMILY_ACTIVATION, "LogSoftmax"},
    {FAMILY_ACTIVATION, "Softplus"},
    {FAMILY_ACTIVATION, "Softsign"},
    {FAMILY_NORM, "BatchNormalization"},
    {FAMILY_NORM, "InstanceNormalization"},
    {FAMILY_NORM, "GroupNormalization"},
    {FAMILY_NORM, "LayerNormalization"},
    {FAMILY_NORM, "LpNormalization"},
    {FAMILY_NORM, "MeanVarianceNormalization"},
    {FAMILY_NORM, "LRN"},
    {FAMILY_POOL, "MaxPool"},
    {FAMILY_POOL, "AveragePool"},
    {FAMILY_POOL, "GlobalMaxPool"},
    {FAMILY_POOL, "GlobalAveragePool"},
    {FAMILY_POOL, "LpPool"},
    {FAMILY_POOL, "ArgMax"},
    {FAMILY_POOL, "ArgMin"},
    {FAMILY_POOL, "TopK"},
    {FAMILY_POOL, "NonMaxSuppression"},
    {FAMILY_SHAPE, "Reshape"},
    {FAMILY_SHAPE, "Flatten"},
    {FAMILY_SHAPE, "Transpose"},
    {FAMILY_SHAPE, "Concat"},
    {FAMILY_SHAPE, "Split"},
    {FAMILY_SHAPE, "Slice"},
    {FAMILY_SHAPE, "Squeeze"},
    {FAMILY_SHAPE, "Unsqueeze"},
    {FAMILY_SHAPE, "Expand"},
    {FAMILY_SHAPE, "Tile"},
    {FAMILY_SHAPE, "Pad"},
    {FAMILY_SHAPE, "Gather"},
    {FAMILY_SHAPE, "Shape"},
    {FAMILY_SHAPE, "Resize"},
    {FAMILY_SHAPE, "Upsample"},
    {FAMILY_SHAPE, "DepthToSpace"},
    {FAMILY_SHAPE, "SpaceToDepth"},
    {FAMILY_SHAPE, "Cast"},
    {FAMILY_SHAPE, "Identity"},
    {FAMILY_LEARNER, "LinearBoost"},
    {FAMILY_CONTROL, "If"},
    {FAMILY_CONTROL, "Loop"},
    {FAMILY_CONTROL, "Scan"},
};

static enum picture_family family_of(const struct op *op)
{
    if (strncmp(op->name, "Reduce", 6) == 0)
        return FAMILY_POOL;
    if (strcmp(op->domain, "ai.onnx.ml") == 0 || strncmp(op->name, "Tree", 4) == 0)
        return FAMILY_LEARNER;
    for (size_t i = 0; i < ARRAY_COUNT(families); i++)
        if (strcmp(families[i].op, op->name) == 0)
            return families[i].family;
    return FAMILY_OTHER;
}

/* ---- shapes ---- */

static int dim_text(char *out, size_t room, const struct signature *sig, int64_t d)
{
    if (d >= 0)
        return snprintf(out, room, "%" PRId64, d);
    char name[PICTURE_TEXT_MAX] = "";
    if (dim_is_symbol(d) && dim_symbol(d) < sig->n_symbols)
        picture_text(name, sig->symbols[dim_symbol(d)], SYMBOL_CHARS);
    return snprintf(out, room, "%s", *name ? name : "?");
}

/* "N×64", and the dtype before it unless it is float32. "" when unknown. */
static void shape_text(char out[PICTURE_TEXT_MAX], const struct signature *sig,
                       const struct tensor *t)
{
    char all[512] = "";
    size_t n = 0;
    if (t->rank < 0) {
        out[0] = 0;
        return;
    }
    if (t->dtype != DT_F32)
        n += (size_t)snprintf(all, sizeof(all), "%s ", dtype_text(t->dtype));
    if (t->rank == 0)
        n += (size_t)snprintf(all + n, sizeof(all) - n, "scalar");
    for (int d = 0; d < t->rank && n < sizeof(all); d++) {
        n += (size_t)snprintf(all + n, sizeof(all) - n, "%s", d ? "\xc3\x97" : "");
        if (n < sizeof(all))
            n += (size_t)dim_text(all + n, sizeof(all) - n, sig, t->dims[d]);
    }
    picture_text(out, all, SHAPE_CHARS);
}

/* ---- making ---- */

/* What is known while a picture is made. */
struct maker {
    struct picture *pic;
    const struct program *p;
    struct tensor *shapes; /* heap; by tensor */
    int32_t *maker_of;     /* heap; by tensor: the node that makes it, -1: none */
    uint32_t cap_edges;
};

static enum status add_edge(struct maker *m, int32_t from, uint32_t to)
{
    struct picture *pic = m->pic;
    if (from < 0 || (uint32_t)from >= to)
        return OK; /* a body's own input: it comes from no box */
    for (uint32_t i = pic->n_edges; i-- > 0 && pic->edges[i].to == to;)
        if (pic->edges[i].from == (uint32_t)from)
            return OK;
    if (pic->n_edges == m->cap_edges) {
        uint32_t cap = m->cap_edges ? 2 * m->cap_edges : 64;
        struct picture_edge *more = alloc_grow(pic->edges, cap * sizeof(*more));
        if (!more)
            return E_NO_MEMORY;
        pic->edges = more;
        m->cap_edges = cap;
    }
    pic->edges[pic->n_edges++] = (struct picture_edge){.from = (uint32_t)from, .to = to};
    return OK;
}

static struct picture_node *add_node(struct maker *m, enum picture_kind kind, const char *title)
{
    struct picture_node *n = &m->pic->nodes[m->pic->n_nodes++];
    n->kind = kind;
    n->family = FAMILY_PORT;
    picture_text(n->title, title, TITLE_CHARS);
    return n;
}

static void add_const(struct maker *m, struct picture_node *n, int32_t tensor)
{
    char *text = n->consts[MIN(n->n_consts, PICTURE_CONSTS_MAX - 1)];
    if (n->n_consts++ < PICTURE_CONSTS_MAX)
        shape_text(text, program_signature(m->p), &m->shapes[tensor]);
    else
        snprintf(text, PICTURE_TEXT_MAX, "and %d more", n->n_consts - PICTURE_CONSTS_MAX + 1);
}

static enum status add_operands(struct maker *m, uint32_t i, const struct instr_view *v,
                                struct picture_node *n, uint32_t node)
{
    enum status s = OK;
    for (uint32_t k = 0; s == OK && k < v->n_in; k++) {
        struct tensor_view t;
        int32_t tensor = program_operand(m->p, i, k);
        if (tensor == ARTIFACT_NO_TENSOR)
            continue;
        program_tensor(m->p, (uint32_t)tensor, &t);
        if (t.class == CLASS_CONST)
            add_const(m, n, tensor);
        else
            s = add_edge(m, m->maker_of[tensor], node);
    }
    n->n_consts = MIN(n->n_consts, PICTURE_CONSTS_MAX);
    return s;
}

static enum status add_instr(struct maker *m, uint32_t i)
{
    struct instr_view v;
    uint32_t node = m->pic->n_nodes;
    program_instr(m->p, i, &v);
    struct picture_node *n = add_node(m, PICTURE_OP, v.op->name);
    n->family = family_of(v.op);
    picture_text(n->name, v.name, NAME_CHARS);
    enum status s = add_operands(m, i, &v, n, node);
    for (uint32_t k = 0; k < v.n_out; k++) {
        int32_t tensor = program_operand(m->p, i, v.n_in + k);
        if (tensor == ARTIFACT_NO_TENSOR)
            continue;
        m->maker_of[tensor] = (int32_t)node;
        if (!*n->result)
            shape_text(n->result, program_signature(m->p), &m->shapes[tensor]);
    }
    return s;
}

static void add_inputs(struct maker *m)
{
    const struct signature *sig = program_signature(m->p);
    for (uint32_t i = 0; i < program_tensor_count(m->p); i++)
        m->maker_of[i] = -1;
    for (int i = 0; i < sig->n_inputs; i++) {
        const struct port *port = &sig->inputs[i];
        struct tensor t = {.dtype = port->dtype, .rank = port->rank};
        struct picture_node *n = add_node(m, PICTURE_INPUT, port->name);
        memcpy(t.dims, port->dims, sizeof(t.dims));
        shape_text(n->result, sig, &t);
    }
    for (uint32_t i = 0; i < program_tensor_count(m->p); i++) {
        struct tensor_view t;
        program_tensor(m->p, i, &t);
        if (t.class == CLASS_INPUT && t.port >= 0)
            m->maker_of[i] = t.port;
    }
}

static enum status add_all(struct maker *m)
{
    const struct signature *sig = program_signature(m->p);
    enum status s = program_shapes(m->p, m->shapes);
    if (s != OK)
        return s;
    add_inputs(m);
    for (uint32_t i = 0; s == OK && i < program_instr_count(m->p); i++)
        s = add_instr(m, i);
    for (int i = 0; s == OK && i < sig->n_outputs; i++) {
        uint32_t node = m->pic->n_nodes;
        add_node(m, PICTURE_OUTPUT, sig->outputs[i].name);
        s = add_edge(m, m->maker_of[program_output(m->p, (uint32_t)i)], node);
    }
    return s;
}

enum status picture_init(struct picture *pic, const struct program *p, const char *title)
{
    const struct signature *sig = program_signature(p);
    size_t count = (size_t)sig->n_inputs + program_instr_count(p) + (size_t)sig->n_outputs;
    size_t tensors = program_tensor_count(p);
    struct maker m = {.pic = pic, .p = p};
    *pic = (struct picture){.n_nodes = 0};
    snprintf(pic->title, sizeof(pic->title), "%s", title);
    pic->nodes = alloc_zero(count, sizeof(*pic->nodes));
    m.shapes = alloc_zero(tensors, sizeof(*m.shapes));
    m.maker_of = alloc_new(tensors * sizeof(*m.maker_of));
    enum status s = pic->nodes && m.shapes && m.maker_of ? add_all(&m) : E_NO_MEMORY;
    alloc_free(m.shapes);
    alloc_free(m.maker_of);
    if (s != OK)
        picture_fini(pic);
    return s;
}

void picture_fini(struct picture *pic)
{
    alloc_free(pic->nodes);
    alloc_free(pic->edges);
    alloc_free(pic->bends);
    *pic = (struct picture){.n_nodes = 0};
}
