/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* AttributeProto -> attr or tensor. The declared type decides which field counts; files from before
 * the type field existed are read by the field that is there. */
#include <inttypes.h>
#include <string.h>

#include "compiler/onnx/onnx_priv.h"

enum attr_field {
    F_NAME = 1,
    F_FLOAT = 2,
    F_INT = 3,
    F_STRING = 4,
    F_TENSOR = 5,
    F_GRAPH = 6,
    F_FLOATS = 7,
    F_INTS = 8,
    F_STRINGS = ONNX_STRINGS_FIELD,
    F_TENSORS = 10,
    F_GRAPHS = 11,
    F_TYPE = 20,
    F_REFERENCE = 21,
    F_SPARSE = 22,
};

/* AttributeProto.AttributeType: the numbers of the types that we read. */
enum proto_type {
    P_NONE = 0,
    P_FLOAT = 1,
    P_INT = 2,
    P_STRING = 3,
    P_TENSOR = 4,
    P_GRAPH = 5,
    P_FLOATS = 6,
    P_INTS = 7,
    P_STRINGS = 8
};

/* What one pass over the message finds. */
struct found {
    struct view name;
    uint64_t type;  /* declared; 0: not */
    uint64_t guess; /* by the field that is there */
    struct field f, i, s, t, g;
};

static uint64_t guess_of(uint32_t number)
{
    static const uint8_t type_of[] = {
        [F_FLOAT] = P_FLOAT,   [F_INT] = P_INT,   [F_STRING] = P_STRING, [F_TENSOR] = P_TENSOR,
        [F_FLOATS] = P_FLOATS, [F_INTS] = P_INTS, [F_GRAPH] = P_GRAPH,   [F_STRINGS] = P_STRINGS,
        [F_TENSORS] = 9,       [F_GRAPHS] = 10};
    return number < ARRAY_COUNT(type_of) ? type_of[number] : 0;
}

static enum status keep(struct wire *w, const struct field *f, struct found *out, struct err *err)
{
    if (!out->guess)
        out->guess = guess_of(f->number);
    switch (f->number) {
    case F_NAME:
        out->name = f->bytes;
        return wire_want(w, f, WIRE_BYTES, "an attribute's name", err);
    case F_TYPE:
        out->type = f->value;
        return wire_want(w, f, WIRE_VARINT, "an attribute's type", err);
    case F_FLOAT:
        out->f = *f;
        return wire_want(w, f, WIRE_FIXED32, "a float attribute", err);
    case F_INT:
        out->i = *f;
        return wire_want(w, f, WIRE_VARINT, "an int attribute", err);
    case F_STRING:
        out->s = *f;
        return wire_want(w, f, WIRE_BYTES, "a string attribute", err);
    case F_TENSOR:
        out->t = *f;
        return wire_want(w, f, WIRE_BYTES, "a tensor attribute", err);
    case F_GRAPH:
        out->g = *f;
        return wire_want(w, f, WIRE_BYTES, "a graph attribute", err);
    case F_REFERENCE:
        return f->bytes.n ? err_set(err, E_UNSUPPORTED,
                                    "an attribute refers to a function's parameter; inline the "
                                    "model's functions (onnx.inliner)")
                          : OK;
    default:
        return OK;
    }
}

static enum status read_list(struct onnx_reader *r, struct wire w, bool floats, struct attr *a,
                             struct err *err)
{
    uint32_t number = floats ? F_FLOATS : F_INTS;
    enum wire_type type = floats ? WIRE_FIXED32 : WIRE_VARINT;
    uint64_t n;
    enum status s = numbers_count(w, number, type, &n, err);
    if (s != OK)
        return s;
    if (n > ONNX_LIST_MAX)
        return err_set(err, E_UNSUPPORTED, "it has %" PRIu64 " elements, at most %d", n,
                       ONNX_LIST_MAX);
    void *p = graph_alloc(r->g, n * 8);
    if (!p)
        return reader_no_memory(err);
    a->type = floats ? ATTR_FLOATS : ATTR_INTS;
    a->count = (uint32_t)n;
    if (floats)
        a->floats = p;
    else
        a->ints = p;
    return numbers_read(w, number, type, floats ? DT_F32 : DT_I64, p, err);
}

/* A list of words (the activations of LSTM) becomes one text, joined by commas. */
static enum status read_words(struct onnx_reader *r, struct wire message, struct attr *a,
                              struct err *err)
{
    struct wire w = message;
    struct field f;
    enum status s;
    uint64_t bytes = 0;
    while (wire_next(&w, &f, &s, err))
        if (f.number == F_STRINGS && (s = wire_want(&w, &f, WIRE_BYTES, "a string", err)) != OK)
            return s;
        else if (f.number == F_STRINGS)
            bytes += f.bytes.n + 1; /* less than twice the message */
    if (s != OK)
        return s;
    if (bytes > ONNX_ATTR_NUMBERS_MAX)
        return err_set(err, E_UNSUPPORTED, "its texts have %" PRIu64 " bytes, at most %d", bytes,
                       ONNX_ATTR_NUMBERS_MAX);
    char *text = graph_alloc(r->g, bytes + 1), *at = text;
    if (!text)
        return reader_no_memory(err);
    for (w = message; wire_next(&w, &f, &s, err);) {
        if (f.number != F_STRINGS)
            continue;
        if (at != text)
            *at++ = ',';
        if (f.bytes.n)
            memcpy(at, f.bytes.p, f.bytes.n);
        at += f.bytes.n;
    }
    a->type = ATTR_STRING;
    a->count = (uint32_t)(at - text);
    a->str = text;
    return s;
}

/* The value, by its type. */
static enum status convert(struct onnx_reader *r, struct wire w, const struct found *v,
                           struct onnx_attr *out, struct err *err)
{
    uint64_t type = v->type ? v->type : v->guess;
    uint32_t bits = (uint32_t)v->f.value;
    struct wire tensor = wire_into(&w, &v->t);
    struct view unused;
    out->a.count = 1;
    switch (type) {
    case P_FLOAT:
        out->a.type = ATTR_FLOAT;
        memcpy(&out->a.f, &bits, sizeof(bits));
        return OK;
    case P_INT:
        out->a.type = ATTR_INT;
        out->a.i = (int64_t)v->i.value;
        return OK;
    case P_STRING:
        if (v->s.bytes.n > ONNX_ATTR_NUMBERS_MAX)
            return err_set(err, E_UNSUPPORTED, "its text has %zu bytes, at most %d", v->s.bytes.n,
                           ONNX_ATTR_NUMBERS_MAX);
        out->a.type = ATTR_STRING;
        out->a.count = (uint32_t)v->s.bytes.n;
        out->a.str = v->s.bytes.n ? (const char *)v->s.bytes.p : "";
        return OK;
    case P_TENSOR:
        out->is_tensor = true;
        return onnx_tensor(r, tensor, &out->tensor, &unused, err);
    case P_GRAPH:
        out->is_graph = true;
        out->graph = wire_into(&w, &v->g);
        return OK;
    case P_FLOATS:
    case P_INTS:
        return read_list(r, w, type == P_FLOATS, &out->a, err);
    case P_STRINGS:
        if (out->a.key == ATTR_activations)
            return read_words(r, w, &out->a, err);
        out->is_strings = true;
        out->strings = w;
        return OK;
    default:
        return err_set(err, E_UNSUPPORTED,
                       "attributes of ONNX type %" PRIu64 " (lists of tensors or graphs) are not "
                       "supported",
                       type);
    }
}

enum status onnx_attribute(struct onnx_reader *r, struct wire message, struct onnx_attr *out,
                           struct err *err)
{
    struct wire w = message;
    struct found v = {0};
    struct field f;
    enum status s;
    while (wire_next(&w, &f, &s, err))
        if ((s = keep(&w, &f, &v, err)) != OK)
            return s;
    if (s == OK)
        s = reader_name(r, v.name, "an attribute", err);
    if (s != OK)
        return s;
    *out = (struct onnx_attr){.name = v.name};
    out->a.key = attr_key_of((const char *)v.name.p, v.name.n);
    s = convert(r, message, &v, out, err);
    return s == OK ? OK : err_prefix(err, "attribute %.*s", (int)MIN(v.name.n, 64), v.name.p);
}
