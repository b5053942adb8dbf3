/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* NodeProto -> node. Nodes must come in topological order, as ONNX demands: every operand is
 * already defined, every result is new; so a cycle cannot be written down. What an operator's table
 * does not hold is refused here, with the operator, the node and the opset by name. */
#include <inttypes.h>
#include <string.h>

#include "compiler/onnx/onnx_priv.h"
#include "compiler/onnx/trees.h"
#include "compiler/passes/eval.h"
#include "ops/op_list.h"
#include "tensor/text.h"

enum node_field { F_INPUT = 1, F_OUTPUT = 2, F_NAME = 3, F_OP = 4, F_ATTR = 5, F_DOMAIN = 7 };

/* A node while it is read. */
struct draft {
    char op[64], domain[64]; /* shortened: no operator of ours has a longer name */
    const char *name;        /* in graph memory */
    int opset;
    const struct op *known; /* NULL: Constant */
    int version;            /* of known, in force at opset */
    int32_t in[OP_INPUTS_MAX];
    int32_t out[OP_OUTPUTS_MAX];
    uint32_t n_in, n_out, n_attrs;
    struct attr attrs[ONNX_ATTRS_MAX];
    int32_t consts[OP_INPUTS_MAX]; /* by place in known->const_attrs; ARTIFACT_NO_TENSOR: absent */
    struct onnx_attr tensor;       /* Constant: the attribute that is a tensor, if has_tensor */
    bool has_tensor;
    struct onnx_trees *trees; /* a tree ensemble's lists; graph memory; NULL for other operators */
    struct onnx_bodies *bodies; /* If, Loop, Scan: their graphs; graph memory; NULL for others */
};

static enum status copy_word(struct onnx_reader *r, struct view v, const char *what, char out[64],
                             struct err *err)
{
    enum status s = reader_name(r, v, what, err);
    if (s == OK && v.n >= 64)
        s = err_set(err, E_UNSUPPORTED, "%s '%.80s' is longer than any we know", what, r->name);
    if (s == OK)
        memcpy(out, r->name, v.n + 1);
    return s;
}

/* The words that a node's errors begin with. */
static enum status blame(const struct draft *d, struct err *err)
{
    return err_prefix(err, "operator %s%s%s (node '%.80s', opset %d)", d->domain,
                      *d->domain ? "." : "", d->op, d->name, d->opset);
}

/* The name that messages use. A node without one goes by its first output. */
static enum status keep_name(struct onnx_reader *r, const struct field *f, struct draft *d,
                             struct err *err)
{
    if (!f->bytes.n || (f->number == F_OUTPUT && *d->name))
        return OK;
    enum status s = reader_name(r, f->bytes, "a node", err);
    if (s != OK)
        return s;
    const char *copy = graph_str(r->g, r->name, f->bytes.n);
    if (!copy)
        return reader_no_memory(err);
    d->name = copy;
    return OK;
}

/* Names first: errors of all other fields want them. */
static enum status read_names(struct onnx_reader *r, struct wire w, struct draft *d,
                              struct err *err)
{
    struct field f;
    enum status s;
    d->name = "";
    while (wire_next(&w, &f, &s, err)) {
        if (f.number != F_NAME && f.number != F_OUTPUT && f.number != F_OP && f.number != F_DOMAIN)
            continue;
        s = wire_want(&w, &f, WIRE_BYTES, "a node's name or type", err);
        if (s == OK && (f.number == F_NAME || f.number == F_OUTPUT))
            s = keep_name(r, &f, d, err);
        if (s == OK && f.number == F_OP)
            s = copy_word(r, f.bytes, "the operator", d->op, err);
        if (s == OK && f.number == F_DOMAIN)
            s = copy_word(r, f.bytes, "the domain", d->domain, err);
        if (s != OK)
            return s;
    }
    if (strcmp(d->domain, "ai.onnx") == 0)
        d->domain[0] = 0;
    return s;
}

static enum status read_input(struct onnx_reader *r, struct view v, struct draft *d,
                              struct err *err)
{
    if (d->n_in == OP_INPUTS_MAX)
        return err_set(err, E_UNSUPPORTED, "it has more than %d inputs; split it", OP_INPUTS_MAX);
    int32_t index = ARTIFACT_NO_TENSOR;
    if (v.n) {
        enum status s = reader_name(r, v, "an input", err);
        if (s != OK)
            return s;
        s = reader_lookup(r, &index, err);
        if (s != OK)
            return s;
        if (index == ARTIFACT_NO_TENSOR)
            return err_set(err, E_CORRUPT,
                           "it reads '%.100s', which nothing before it makes; nodes must be in "
                           "topological order",
                           r->name);
    }
    d->in[d->n_in++] = index;
    return OK;
}

static enum status read_inputs(struct onnx_reader *r, struct wire w, struct draft *d,
                               struct err *err)
{
    struct field f;
    enum status s;
    while (wire_next(&w, &f, &s, err)) {
        if (f.number != F_INPUT)
            continue;
        s = wire_want(&w, &f, WIRE_BYTES, "an input's name", err);
        s = s == OK ? read_input(r, f.bytes, d, err) : s;
        if (s != OK)
            return s;
    }
    while (d->n_in && d->in[d->n_in - 1] == ARTIFACT_NO_TENSOR)
        d->n_in--;
    return s;
}

static enum status read_output(struct onnx_reader *r, struct view v, struct draft *d,
                               struct err *err)
{
    if (d->n_out == OP_OUTPUTS_MAX)
        return err_set(err, E_UNSUPPORTED, "it has more than %d outputs", OP_OUTPUTS_MAX);
    int32_t index = ARTIFACT_NO_TENSOR;
    if (v.n) {
        enum status s = reader_name(r, v, "an output", err);
        if (s == OK && graph_value(r->g, r->name, &index) != OK)
            s = reader_no_memory(err);
        if (s == OK)
            s = reader_define(r, index, err);
        if (s != OK)
            return s;
    }
    d->out[d->n_out++] = index;
    return OK;
}

static enum status read_outputs(struct onnx_reader *r, struct wire w, struct draft *d,
                                struct err *err)
{
    struct field f;
    enum status s;
    while (wire_next(&w, &f, &s, err)) {
        if (f.number != F_OUTPUT)
            continue;
        s = wire_want(&w, &f, WIRE_BYTES, "an output's name", err);
        s = s == OK ? read_output(r, f.bytes, d, err) : s;
        if (s != OK)
            return s;
    }
    while (d->n_out && d->out[d->n_out - 1] == ARTIFACT_NO_TENSOR)
        d->n_out--;
    return s;
}

/* The place of an attribute among those that become operands, or -1. */
static int const_place(const struct draft *d, enum attr_key key)
{
    int n = d->known ? op_const_count(d->known) : 0;
    for (int i = 0; i < n; i++)
        if (d->known->const_attrs[i] == key)
            return i;
    return -1;
}

static enum status add_const(struct onnx_reader *r, struct draft *d, const struct onnx_attr *a,
                             int place, struct err *err)
{
    const struct attr *list = &a->a;
    struct tensor t = a->tensor;
    if (d->consts[place] != ARTIFACT_NO_TENSOR)
        return err_set(err, E_CORRUPT, "it has attribute %s twice", attr_name(a->a.key));
    bool is_list = a->is_strings || list->type == ATTR_INTS || list->type == ATTR_FLOATS;
    if (!a->is_tensor && !is_list)
        return err_set(err, E_CORRUPT, "its attribute %s is neither a list nor a tensor",
                       attr_name(a->a.key));
    if (a->is_strings) {
        enum status s = onnx_texts(r, a->strings, ONNX_STRINGS_FIELD, &t, err);
        if (s != OK)
            return err_prefix(err, "its attribute %s", attr_name(a->a.key));
    } else if (!a->is_tensor) {
        bool ints = list->type == ATTR_INTS;
        t = (struct tensor){.dtype = ints ? DT_I64 : DT_F32, .rank = 1, .dims = {list->count}};
        t.data = ints ? (void *)(uintptr_t)list->ints : (void *)(uintptr_t)list->floats;
    }
    if (graph_const(r->g, "", &t, &d->consts[place]) != OK)
        return reader_no_memory(err);
    r->g->values[d->consts[place]].compress = !dtype_is_float(t.dtype);
    return OK;
}

/* A Constant that is a list of strings. */
static enum status constant_strings(struct onnx_reader *r, struct draft *d,
                                    const struct onnx_attr *a, struct err *err)
{
    if (d->has_tensor)
        return err_set(err, E_CORRUPT, "it has several values");
    d->has_tensor = true;
    return onnx_texts(r, a->strings, ONNX_STRINGS_FIELD, &d->tensor.tensor, err);
}

static enum status keep_attr(struct onnx_reader *r, struct draft *d, const struct onnx_attr *a,
                             struct err *err)
{
    bool taken = false;
    enum status s = d->trees ? onnx_trees_take(r, d->trees, a, &taken, err) : OK;
    if (s != OK || taken)
        return s;
    if (a->is_graph && d->bodies)
        s = onnx_bodies_take(d->bodies, d->known, a, &taken, err);
    if (s != OK || taken)
        return s;
    if (a->is_graph)
        return err_set(err, E_UNSUPPORTED, "its attribute '%.*s' is a graph",
                       (int)MIN(a->name.n, 64), a->name.p);
    int place = a->a.key == ATTR_NONE ? -1 : const_place(d, a->a.key);
    if (place >= 0)
        return add_const(r, d, a, place, err);
    if (a->is_strings && !d->known)
        return constant_strings(r, d, a, err);
    if (a->is_strings)
        return err_set(err, E_UNSUPPORTED,
                       "its attribute '%.*s' holds strings; export the model without it",
                       (int)MIN(a->name.n, 64), a->name.p);
    if (a->is_tensor) {
        if (d->known || d->has_tensor)
            return err_set(err, E_UNSUPPORTED, "its attribute '%.*s' is a tensor",
                           (int)MIN(a->name.n, 64), a->name.p);
        d->tensor = *a;
        d->has_tensor = true;
        return OK;
    }
    bool list = a->a.type == ATTR_INTS || a->a.type == ATTR_FLOATS;
    if (list && a->a.count > ONNX_ATTR_NUMBERS_MAX)
        return err_set(err, E_UNSUPPORTED, "attribute %s has %" PRIu32 " elements, at most %d",
                       attr_name(a->a.key), a->a.count, ONNX_ATTR_NUMBERS_MAX);
    if (d->n_attrs == ONNX_ATTRS_MAX)
        return err_set(err, E_UNSUPPORTED, "it has more than %d attributes", ONNX_ATTRS_MAX);
    for (uint32_t i = 0; i < d->n_attrs; i++)
        if (d->attrs[i].key == a->a.key && a->a.key != ATTR_NONE)
            return err_set(err, E_CORRUPT, "it has attribute %s twice", attr_name(a->a.key));
    d->attrs[d->n_attrs++] = a->a;
    return OK;
}

static enum status read_attrs(struct onnx_reader *r, struct wire w, struct draft *d, bool any_name,
                              struct err *err)
{
    struct field f;
    enum status s;
    while (wire_next(&w, &f, &s, err)) {
        struct onnx_attr a;
        if (f.number != F_ATTR)
            continue;
        s = wire_want(&w, &f, WIRE_BYTES, "an attribute", err);
        s = s == OK ? onnx_attribute(r, wire_into(&w, &f), &a, err) : s;
        if (s == OK && a.a.key == ATTR_NONE && !any_name && !a.is_strings)
            s = err_set(err, E_UNSUPPORTED,
                        "its attribute '%.64s' is not supported; export the model without it",
                        r->name);
        s = s == OK ? keep_attr(r, d, &a, err) : s;
        if (s != OK)
            return s;
    }
    return s;
}

/* The opset under which the node's domain is imported. */
static enum status find_opset(const struct graph *g, struct draft *d, struct err *err)
{
    for (uint32_t i = 0; i < g->n_opsets; i++)
        if (strcmp(g->opsets[i].domain, d->domain) == 0) {
            d->opset = g->opsets[i].version;
            return OK;
        }
    return err_set(err, E_CORRUPT,
                   "operator %s (node '%.80s') is of domain '%s', which the model "
                   "does not import",
                   d->op, d->name, d->domain);
}

static enum status unsupported(const struct draft *d, const char *why, struct err *err)
{
    return err_set(err, E_UNSUPPORTED, "operator %.48s%s%.48s (node '%.48s', opset %d) %s",
                   d->domain, *d->domain ? "." : "", d->op, d->name, d->opset, why);
}

/* What to do about an operator that is not in our table, by whose it is. */
static const char *way_around(const char *domain)
{
    if (!*domain || strcmp(domain, "ai.onnx.ml") == 0)
        return "is not supported; export the model without it, or cut the model before it";
    if (strncmp(domain, "com.microsoft", strlen("com.microsoft")) == 0)
        return "is not supported: it is ONNX Runtime's own; export the model without that "
               "runtime's optimizer";
    if (strstr(domain, "training"))
        return "is not supported: it is of training; export the model for inference";
    return "is not supported: it is not ONNX's own; export the model with standard operators";
}

/* Below the oldest opset a form counts that is still in force there. */
static bool opset_known(const struct draft *d)
{
    if (d->opset < ONNX_OPSET_MIN)
        return op_version(d->known, d->opset) == op_version(d->known, ONNX_OPSET_MIN);
    return d->opset <= ONNX_OPSET_MAX;
}

static enum status find_op(struct draft *d, struct err *err)
{
    bool known_domain = !*d->domain || strcmp(d->domain, "ai.onnx.ml") == 0;
    d->known = known_domain ? op_by_name(d->domain, d->op) : NULL;
    if (!d->known)
        return unsupported(d, way_around(d->domain), err);
    if (!*d->domain && !opset_known(d))
        return unsupported(d,
                           "is of an opset that is not supported; convert the model to opset 17 "
                           "with onnx.version_converter",
                           err);
    d->version = op_version(d->known, d->opset);
    if (!d->version)
        return unsupported(d,
                           "is not supported in this old form; convert the model to opset 17 "
                           "with onnx.version_converter",
                           err);
    return OK;
}

/* The lists of a tree ensemble are too many and too large to be attributes: they are packed. */
static enum status begin_trees(struct onnx_reader *r, struct draft *d, struct err *err)
{
    bool classifier = strcmp(d->op, "TreeEnsembleClassifier") == 0;
    if (!classifier && strcmp(d->op, "TreeEnsembleRegressor") != 0)
        return OK;
    d->trees = graph_alloc(r->g, sizeof(*d->trees));
    if (!d->trees)
        return reader_no_memory(err);
    *d->trees = (struct onnx_trees){.regressor = !classifier, .n_targets = 1};
    return OK;
}

static enum status begin_bodies(struct onnx_reader *r, struct draft *d, struct err *err)
{
    if (!(d->known->flags & OP_CONTROL))
        return OK;
    d->bodies = graph_alloc(r->g, sizeof(*d->bodies));
    if (!d->bodies)
        return reader_no_memory(err);
    memset(d->bodies, 0, sizeof(*d->bodies));
    return OK;
}

static enum status add_number(struct draft *d, enum attr_key key, int64_t value, struct err *err)
{
    if (d->n_attrs == ONNX_ATTRS_MAX)
        return err_set(err, E_UNSUPPORTED, "it has more than %d attributes", ONNX_ATTRS_MAX);
    for (uint32_t i = 0; i < d->n_attrs; i++)
        if (d->attrs[i].key == key)
            return err_set(err, E_CORRUPT, "its attribute %s is not a graph", attr_name(key));
    d->attrs[d->n_attrs++] = (struct attr){.key = key, .type = ATTR_INT, .count = 1, .i = value};
    return OK;
}

/* The operands and results that go with the bodies: what is left out at the end counts here. */
static enum status fit_bodies(struct draft *d, struct err *err)
{
    const struct onnx_bodies *b = d->bodies;
    const bool is_loop = d->known->code == OP_CODE_loop, is_if = d->known->code == OP_CODE_if;
    const bool batched = d->known->code == OP_CODE_scan && d->version < 9;
    const uint32_t n_in = is_if ? 1 : b->n_formals + (batched ? 1 : 0);
    const uint32_t n_out = b->n_results - (is_loop ? 1 : 0);
    while (is_loop && d->n_in < 2)
        d->in[d->n_in++] = ARTIFACT_NO_TENSOR;
    if (d->n_in != n_in || d->n_out > n_out || n_out > OP_OUTPUTS_MAX)
        return err_set(err, E_CORRUPT,
                       "it has %" PRIu32 " inputs and %" PRIu32
                       " outputs, its body makes it %" PRIu32 " and %" PRIu32,
                       d->n_in, d->n_out, n_in, n_out);
    while (d->n_out < n_out)
        d->out[d->n_out++] = ARTIFACT_NO_TENSOR;
    if (b->captures.n > OP_INPUTS_MAX - d->n_in)
        return err_set(err, E_UNSUPPORTED, "its bodies read more than %d values from outside",
                       OP_INPUTS_MAX);
    memcpy(d->in + d->n_in, b->captures.outer, b->captures.n * sizeof(d->in[0]));
    d->n_in += b->captures.n;
    return OK;
}

/* Which of a body's results is the first slice: those before it are states. */
static uint32_t first_slice(const struct draft *d)
{
    const struct attr_list l = {d->attrs, d->n_attrs};
    const struct attr *scanned = attr_find(&l, ATTR_num_scan_inputs);
    const int64_t formals = d->bodies->n_formals;
    if (d->known->code == OP_CODE_loop)
        return d->bodies->n_formals - 1;
    const bool ok =
        scanned && scanned->type == ATTR_INT && scanned->i >= 0 && scanned->i <= formals;
    return ok ? (uint32_t)(formals - scanned->i) : d->bodies->n_results;
}

/* What the body declares of its slices (control.h, op_control.types). */
static enum status declare_slices(struct onnx_reader *r, struct draft *d, struct err *err)
{
    const struct graph_block body = graph_block_at(r->g, d->bodies->block[0]);
    int64_t *types =
        graph_alloc(r->g, (size_t)body.n_outputs * (2 + TENSOR_RANK_MAX) * sizeof(*types));
    uint32_t n = 0;
    if (!types)
        return reader_no_memory(err);
    for (uint32_t k = first_slice(d); k < body.n_outputs; k++) {
        const struct graph_port *p = &body.declared[k];
        types[n++] = p->dtype;
        types[n++] = p->rank;
        for (int i = 0; i < p->rank; i++)
            types[n++] = p->dims[i];
    }
    if (!n)
        return OK;
    if (d->n_attrs == ONNX_ATTRS_MAX)
        return err_set(err, E_UNSUPPORTED, "it has more than %d attributes", ONNX_ATTRS_MAX);
    d->attrs[d->n_attrs++] =
        (struct attr){.key = ATTR_scan_types, .type = ATTR_INTS, .count = n, .ints = types};
    return OK;
}

/* The blocks' numbers, and how many captures stand behind the source's operands. */
static enum status name_bodies(struct onnx_reader *r, struct draft *d, struct err *err)
{
    const enum attr_key *keys = control_body_keys(d->known);
    enum status s = OK;
    for (uint32_t k = 0; s == OK && keys[k] != ATTR_NONE; k++)
        s = add_number(d, keys[k], d->bodies->block[k], err);
    if (s == OK)
        s = add_number(d, ATTR_n_captures, d->bodies->captures.n, err);
    return s == OK && d->known->code != OP_CODE_if ? declare_slices(r, d, err) : s;
}

/* Constant: its value becomes a constant of the graph, under the name of its output. */
static enum status add_constant(struct onnx_reader *r, struct draft *d, struct err *err)
{
    if (d->n_in || d->n_out != 1 || d->n_attrs + d->has_tensor != 1)
        return err_set(err, E_CORRUPT, "it must have no input, one output and one value");
    struct value *v = &r->g->values[d->out[0]];
    struct attr *a = &d->attrs[0];
    struct tensor t = {.rank = 0};
    if (d->has_tensor) {
        t = d->tensor.tensor;
    } else if (a->type == ATTR_INT || a->type == ATTR_FLOAT) {
        t.dtype = a->type == ATTR_INT ? DT_I64 : DT_F32;
        if (!(t.data = graph_alloc(r->g, 8)))
            return reader_no_memory(err);
        memcpy(t.data, a->type == ATTR_INT ? (void *)&a->i : (void *)&a->f, dtype_bytes(t.dtype));
    } else if (a->type == ATTR_INTS || a->type == ATTR_FLOATS) {
        t = (struct tensor){
            .dtype = a->type == ATTR_INTS ? DT_I64 : DT_F32, .rank = 1, .dims = {a->count}};
        t.data = a->type == ATTR_INTS ? (void *)(uintptr_t)a->ints : (void *)(uintptr_t)a->floats;
    } else {
        t.dtype = DT_STRING;
        if (!text_valid(a->str, a->count))
            return err_set(err, E_CORRUPT, "its string is not UTF-8, or holds a NUL");
        struct text *one = graph_alloc(r->g, sizeof(*one));
        if (!one)
            return reader_no_memory(err);
        *one = (struct text){a->str, a->count};
        t.data = one;
    }
    v->kind = VALUE_CONST;
    v->t = t;
    return OK;
}

/* Puts the constants that were attributes behind the node's own operands (op.h, const_attrs). */
static enum status place_consts(struct draft *d, struct err *err)
{
    uint32_t n = (uint32_t)op_const_count(d->known), own = d->known->in_max - n, last = 0;
    if (!n)
        return OK;
    if (d->n_in > own)
        return err_set(err, E_CORRUPT, "it has %" PRIu32 " inputs, at most %" PRIu32 " expected",
                       d->n_in, own);
    for (uint32_t i = 0; i < n; i++)
        last = d->consts[i] == ARTIFACT_NO_TENSOR ? last : i + 1;
    while (last && d->n_in < own)
        d->in[d->n_in++] = ARTIFACT_NO_TENSOR;
    for (uint32_t i = 0; i < last; i++)
        d->in[d->n_in++] = d->consts[i];
    return OK;
}

static enum status add_trees(struct onnx_reader *r, struct draft *d, struct err *err)
{
    if (d->n_in != 1 || d->n_attrs + ONNX_TREES_ATTRS > ONNX_ATTRS_MAX)
        return err_set(err, E_CORRUPT, "it has %" PRIu32 " inputs, expected 1", d->n_in);
    enum status s = onnx_trees_pack(r, d->trees, d->in, &d->n_in, d->attrs + d->n_attrs, err);
    d->n_attrs += ONNX_TREES_ATTRS;
    return s;
}

/* Lists that a run searches by halving. */
static enum status sort_lists(struct onnx_reader *r, struct draft *d, struct err *err)
{
    if (strcmp(d->op, "TfIdfVectorizer") == 0)
        return onnx_ngrams_sort(r, d->known, d->consts, err);
    if (strcmp(d->op, "StringNormalizer") != 0 || d->consts[0] == ARTIFACT_NO_TENSOR)
        return OK;
    const struct attr_list attrs = {d->attrs, d->n_attrs};
    int64_t sensitive;
    enum status s = attr_int(&attrs, ATTR_is_case_sensitive, 0, &sensitive, err);
    if (s == OK)
        onnx_stopwords_sort(&r->g->values[d->consts[0]].t, sensitive != 0);
    return s;
}

static enum status add_node(struct onnx_reader *r, struct draft *d, struct err *err)
{
    enum status s = sort_lists(r, d, err);
    if (s == OK)
        s = place_consts(d, err);
    if (s == OK && d->trees)
        s = add_trees(r, d, err);
    if (s == OK && d->bodies)
        s = fit_bodies(d, err);
    if (s == OK && d->bodies)
        s = name_bodies(r, d, err);
    if (s != OK)
        return s;
    if (r->n_nodes++ >= ONNX_NODES_MAX)
        return err_set(err, E_UNSUPPORTED, "the model has more than %d nodes", ONNX_NODES_MAX);
    s = graph_node(r->g, d->known, d->version, d->name, d->in, d->n_in, d->out, d->n_out, d->attrs,
                   d->n_attrs);
    return s == OK ? OK : reader_no_memory(err);
}

enum status onnx_node(struct onnx_reader *r, struct wire message, struct err *err)
{
    struct draft d = {.n_in = 0};
    for (size_t i = 0; i < ARRAY_COUNT(d.consts); i++)
        d.consts[i] = ARTIFACT_NO_TENSOR;
    enum status s = read_names(r, message, &d, err);
    if (s == OK)
        s = find_opset(r->g, &d, err);
    if (s != OK)
        return s;
    bool constant = !*d.domain && strcmp(d.op, "Constant") == 0;
    if (!constant && (s = find_op(&d, err)) != OK)
        return s; /* before its attributes, which we may not know */
    if (d.known && ((s = begin_trees(r, &d, err)) != OK || (s = begin_bodies(r, &d, err)) != OK))
        return s;
    s = read_inputs(r, message, &d, err);
    if (s == OK)
        s = read_attrs(r, message, &d, constant, err);
    if (s == OK && d.bodies)
        s = onnx_bodies_read(r, d.bodies, d.known, err);
    if (s == OK)
        s = read_outputs(r, message, &d, err);
    if (s == OK)
        s = constant ? add_constant(r, &d, err) : add_node(r, &d, err);
    return s == OK ? OK : blame(&d, err);
}
