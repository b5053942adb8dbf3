/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ModelProto -> graph. The graph's fields may come in any order in the file, so it is walked once
 * per kind: initializers, inputs, nodes, outputs. A node's own graphs are read where it stands
 * (body.c), by the same walk.
 *
 * An initializer that is also listed as an input is a constant: that is how files of before IR
 * version 4 had to be written. */
#include <inttypes.h>
#include <string.h>

#include "compiler/compiler.h"
#include "compiler/onnx/onnx_priv.h"

enum model_field {
    F_PRODUCER = 2,
    F_PRODUCER_VERSION = 3,
    F_GRAPH = 7,
    F_OPSET = 8,
};
enum graph_field { F_NODE = 1, F_INITIALIZER = 5, F_INPUT = 11, F_OUTPUT = 12, F_SPARSE = 15 };
enum opset_field { F_DOMAIN = 1, F_VERSION = 2 };

enum { PRODUCER_MAX = 100 }; /* bytes of its name that are kept */

/* ---- names ---- */

enum status reader_no_memory(struct err *err)
{
    return err_set(err, E_NO_MEMORY, "no memory to read the model");
}

enum status reader_name(struct onnx_reader *r, struct view v, const char *what, struct err *err)
{
    if (v.n > ONNX_NAME_MAX)
        return err_set(err, E_UNSUPPORTED, "%s has a name of %zu bytes, at most %d", what, v.n,
                       ONNX_NAME_MAX);
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] < 0x20 || v.p[i] == 0x7f)
            return err_set(err, E_CORRUPT, "%s has a name with control byte 0x%02x in it", what,
                           v.p[i]);
    if (v.n)
        memcpy(r->name, v.p, v.n);
    r->name[v.n] = 0;
    return OK;
}

/* ---- the parts of a graph ---- */

typedef enum status part_fn(struct onnx_reader *r, struct wire message, struct err *err);

/* What a message about a value begins with; a name may be missing or malformed. */
static enum status blame(const char *kind, struct view name, struct err *err)
{
    return err_prefix(err, "%s '%.*s'", kind, (int)MIN(name.n, 100),
                      name.n ? (const char *)name.p : "");
}

static enum status initializer(struct onnx_reader *r, struct wire w, struct err *err)
{
    struct tensor t;
    struct view name;
    int32_t index;
    enum status s = onnx_tensor(r, w, &t, &name, err);
    if (s != OK)
        return blame("initializer", name, err);
    if (!name.n)
        return err_set(err, E_CORRUPT, "an initializer has no name");
    s = reader_name(r, name, "an initializer", err);
    if (s == OK && graph_const(r->g, r->name, &t, &index) != OK)
        s = reader_no_memory(err);
    return s == OK ? reader_define(r, index, err) : s;
}

/* Reads the name of an input or output into r->name. */
static enum status port_name(struct onnx_reader *r, struct wire w, const char *what,
                             struct err *err)
{
    struct view name;
    enum status s = onnx_value_info(r, w, NULL, &name, err);
    if (s == OK && (!name.n || name.n > SIGNATURE_NAME_MAX))
        return err_set(err, E_UNSUPPORTED, "%s has a name of %zu bytes, expected 1 to %d", what,
                       name.n, SIGNATURE_NAME_MAX);
    return s == OK ? reader_name(r, name, what, err) : s;
}

/* An input of a body: what it is, only a run can tell. */
static enum status formal(struct onnx_reader *r, struct wire w, struct err *err)
{
    struct view name;
    int32_t index;
    enum status s = onnx_formal_info(w, &name, err);
    if (s != OK)
        return blame("a body's input", name, err);
    if (!name.n)
        return err_set(err, E_CORRUPT, "a body's input has no name");
    if (r->g->n_inputs == OP_INPUTS_MAX)
        return err_set(err, E_UNSUPPORTED, "a body has more than %d inputs", OP_INPUTS_MAX);
    s = reader_name(r, name, "a body's input", err);
    if (s == OK &&
        (graph_formal(r->g, r->name, &index) != OK || graph_block_input(r->g, index) != OK))
        s = reader_no_memory(err);
    return s == OK ? reader_define(r, index, err) : s;
}

static enum status input(struct onnx_reader *r, struct wire w, struct err *err)
{
    struct tensor t;
    struct view name;
    if (r->scope->outer)
        return formal(r, w, err);
    enum status s = port_name(r, w, "an input", err);
    if (s != OK)
        return s;
    int32_t index = reader_find(r);
    if (index != ARTIFACT_NO_TENSOR && r->g->values[index].kind == VALUE_CONST)
        return OK;
    s = onnx_value_info(r, w, &t, &name, err);
    if (s != OK)
        return blame("input", name, err);
    s = port_name(r, w, "an input", err); /* dims have names too */
    if (s == OK && graph_input(r->g, r->name, &t, &index) != OK)
        s = reader_no_memory(err);
    return s == OK ? reader_define(r, index, err) : s;
}

/* With what the model says of it. */
static enum status add_output(struct onnx_reader *r, struct wire w, int32_t index, struct err *err)
{
    struct graph_port declared;
    if (onnx_declared(w, &declared, err) != OK)
        return err_prefix(err, "output '%.100s'", r->name);
    if (graph_output(r->g, index) != OK)
        return reader_no_memory(err);
    r->g->declared[r->g->n_outputs - 1] = declared;
    return OK;
}

/* A body's result may be any value that it sees, and the same one twice. */
static enum status result(struct onnx_reader *r, struct wire w, struct err *err)
{
    struct view name;
    int32_t index = ARTIFACT_NO_TENSOR;
    enum status s = onnx_formal_info(w, &name, err);
    if (s != OK)
        return blame("a body's output", name, err);
    s = reader_name(r, name, "a body's output", err);
    if (s == OK && name.n)
        s = reader_lookup(r, &index, err);
    if (s != OK)
        return s;
    if (index == ARTIFACT_NO_TENSOR)
        return err_set(err, E_CORRUPT, "a body's output '%.100s' is made by no node", r->name);
    if (r->g->n_outputs > OP_OUTPUTS_MAX)
        return err_set(err, E_UNSUPPORTED, "a body has more than %d outputs", OP_OUTPUTS_MAX);
    return add_output(r, w, index, err);
}

static enum status output(struct onnx_reader *r, struct wire w, struct err *err)
{
    if (r->scope->outer)
        return result(r, w, err);
    enum status s = port_name(r, w, "an output", err);
    if (s != OK)
        return s;
    int32_t index = reader_find(r);
    if (index == ARTIFACT_NO_TENSOR)
        return err_set(err, E_CORRUPT, "output '%.100s' is made by no node", r->name);
    for (uint32_t i = 0; i < r->g->n_outputs; i++)
        if (r->g->outputs[i] == index)
            return err_set(err, E_CORRUPT, "output '%.100s' is listed twice", r->name);
    return add_output(r, w, index, err);
}

static enum status sparse(struct onnx_reader *r, struct wire w, struct err *err)
{
    UNUSED(r);
    UNUSED(w);
    return err_set(err, E_UNSUPPORTED,
                   "the model has sparse initializers; save it with dense ones");
}

static enum status each(struct onnx_reader *r, struct wire w, uint32_t number, part_fn *part,
                        struct err *err)
{
    struct field f;
    enum status s;
    while (wire_next(&w, &f, &s, err)) {
        if (f.number != number)
            continue;
        s = wire_want(&w, &f, WIRE_BYTES, "a part of the graph", err);
        s = s == OK ? part(r, wire_into(&w, &f), err) : s;
        if (s != OK)
            return s;
    }
    return s;
}

enum status onnx_graph(struct onnx_reader *r, struct wire w, struct err *err)
{
    static const struct {
        uint32_t number;
        part_fn *part;
    } order[] = {{F_SPARSE, sparse},
                 {F_INITIALIZER, initializer},
                 {F_INPUT, input},
                 {F_NODE, onnx_node},
                 {F_OUTPUT, output}};
    enum status s = OK;
    for (size_t i = 0; s == OK && i < ARRAY_COUNT(order); i++)
        s = each(r, w, order[i].number, order[i].part, err);
    if (s == OK && !r->g->n_outputs)
        return err_set(err, E_CORRUPT, "the graph has no outputs");
    return s;
}

/* ---- the model ---- */

struct model {
    struct view producer, producer_version;
    struct wire graph;
    uint32_t graphs, opsets;
};

static enum status read_model(struct wire w, struct model *m, struct err *err)
{
    struct field f;
    enum status s;
    while (wire_next(&w, &f, &s, err)) {
        bool bytes = f.number == F_PRODUCER || f.number == F_PRODUCER_VERSION ||
                     f.number == F_GRAPH || f.number == F_OPSET;
        s = bytes ? wire_want(&w, &f, WIRE_BYTES, "a part of the model", err) : OK;
        if (s != OK)
            break;
        if (f.number == F_PRODUCER)
            m->producer = f.bytes;
        if (f.number == F_PRODUCER_VERSION)
            m->producer_version = f.bytes;
        if (f.number == F_OPSET)
            m->opsets++;
        if (f.number == F_GRAPH) {
            m->graphs++;
            m->graph = wire_into(&w, &f);
        }
    }
    if (s != OK && !m->graphs)
        return err_prefix(err, "no ONNX model");
    if (s == OK && m->graphs != 1)
        return err_set(err, E_CORRUPT, "not an ONNX model: it has %u graphs, expected 1",
                       m->graphs);
    return s;
}

static enum status opset(struct onnx_reader *r, struct wire w, struct err *err)
{
    struct graph_opset *o = &r->g->opsets[r->g->n_opsets];
    struct view domain = {0};
    uint64_t version = 0;
    struct field f;
    enum status s;
    while (wire_next(&w, &f, &s, err)) {
        if (f.number == F_DOMAIN)
            domain = f.bytes;
        if (f.number == F_VERSION)
            version = f.value;
    }
    s = s == OK ? reader_name(r, domain, "an operator set", err) : s;
    if (s != OK)
        return s;
    if (version < 1 || version > UINT16_MAX)
        return err_set(err, E_CORRUPT, "operator set '%.80s' has version %" PRIu64, r->name,
                       version);
    if (strcmp(r->name, "ai.onnx") == 0)
        r->name[0] = 0;
    for (uint32_t i = 0; i < r->g->n_opsets; i++)
        if (strcmp(r->g->opsets[i].domain, r->name) == 0)
            return err_set(err, E_CORRUPT, "operator set '%.80s' is imported twice", r->name);
    *o = (struct graph_opset){graph_str(r->g, r->name, strlen(r->name)), (int)version};
    r->g->n_opsets++;
    return o->domain ? OK : reader_no_memory(err);
}

static enum status read_opsets(struct onnx_reader *r, struct wire w, uint32_t n, struct err *err)
{
    if (!n || n > ONNX_OPSETS_MAX)
        return err_set(err, E_CORRUPT, "the model imports %u operator sets, expected 1 to %d", n,
                       ONNX_OPSETS_MAX);
    r->g->opsets = graph_alloc(r->g, n * sizeof(*r->g->opsets));
    return r->g->opsets ? each(r, w, F_OPSET, opset, err) : reader_no_memory(err);
}

static void clip(struct view *v)
{
    v->n = MIN(v->n, PRODUCER_MAX);
    for (size_t i = 0; i < v->n; i++)
        if (v->p[i] < 0x20 || v->p[i] > 0x7e)
            v->n = i;
}

static enum status keep_producer(struct onnx_reader *r, struct model *m, struct err *err)
{
    clip(&m->producer);
    clip(&m->producer_version);
    size_t n = m->producer.n + 1 + m->producer_version.n;
    char *p = m->producer.n ? graph_alloc(r->g, n + 1) : NULL;
    if (!p)
        return m->producer.n ? reader_no_memory(err) : OK;
    memcpy(p, m->producer.p, m->producer.n);
    p[m->producer.n] = ' ';
    if (m->producer_version.n)
        memcpy(p + m->producer.n + 1, m->producer_version.p, m->producer_version.n);
    p[m->producer_version.n ? n : m->producer.n] = 0;
    r->g->producer = p;
    return OK;
}

enum status onnx_read(const void *bytes, size_t n, struct graph *g, struct err *err)
{
    struct wire w = {.file = bytes, .rest = {bytes, n}};
    struct model m = {0};
    struct scope scope;
    struct onnx_reader r = {.g = g, .scope = &scope};
    scope_init(&scope, NULL, NULL);
    enum status s = read_model(w, &m, err);
    if (s == OK)
        s = read_opsets(&r, w, m.opsets, err);
    if (s == OK)
        s = keep_producer(&r, &m, err);
    if (s == OK)
        s = onnx_graph(&r, m.graph, err);
    scope_fini(&scope);
    return s;
}
