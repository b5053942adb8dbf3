/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ValueInfoProto -> name, dtype and dims. A dim with a name is a symbol; one without, or with a
 * size below 1 (exporters write 0 and -1 for "any"), is a symbol of its own. */
#include <inttypes.h>
#include <string.h>

#include "compiler/onnx/onnx_priv.h"

enum { F_INFO_NAME = 1, F_INFO_TYPE = 2 };                     /* ValueInfoProto */
enum { F_TYPE_TENSOR = 1, F_DENOTATION = 6, F_TYPE_LAST = 9 }; /* TypeProto */
enum { F_TENSOR_DTYPE = 1, F_TENSOR_SHAPE = 2 };               /* TypeProto.Tensor */
enum { F_SHAPE_DIM = 1 };                                      /* TensorShapeProto */
enum { F_DIM_VALUE = 1, F_DIM_PARAM = 2 };                     /* TensorShapeProto.Dimension */

/* Names that exporters give to dims of which they know nothing. */
static bool means_unknown(struct view v)
{
    return v.n == 0 || (v.n == 1 && v.p[0] == '?') || (v.n == 2 && memcmp(v.p, "-1", 2) == 0) ||
           (v.n == 4 && memcmp(v.p, "None", 4) == 0);
}

static enum status new_symbol(struct onnx_reader *r, struct view name, int64_t *dim,
                              struct err *err)
{
    int symbol;
    enum status s = OK;
    if (means_unknown(name))
        name = (struct view){(const uint8_t *)"", 0};
    else
        s = reader_name(r, name, "a symbolic dim", err);
    if (s != OK)
        return s;
    if (name.n > SIGNATURE_NAME_MAX)
        return err_set(err, E_UNSUPPORTED, "a symbolic dim's name has %zu bytes, at most %d",
                       name.n, SIGNATURE_NAME_MAX);
    if (graph_symbol(r->g, (const char *)name.p, name.n, &symbol) != OK)
        return reader_no_memory(err);
    if (r->g->n_symbols > ONNX_SYMBOLS_MAX)
        return err_set(err, E_UNSUPPORTED, "more than %d symbolic dims; fix some of them",
                       ONNX_SYMBOLS_MAX);
    *dim = DIM_SYMBOL_0 - symbol;
    return OK;
}

static enum status read_dim(struct onnx_reader *r, struct wire w, int64_t *dim, struct err *err)
{
    struct field f;
    enum status s;
    struct view name = {0};
    int64_t value = 0;
    while (wire_next(&w, &f, &s, err)) {
        if (f.number == F_DIM_VALUE) {
            s = wire_want(&w, &f, WIRE_VARINT, "a dim", err);
            value = (int64_t)f.value;
        } else if (f.number == F_DIM_PARAM) {
            s = wire_want(&w, &f, WIRE_BYTES, "a dim's name", err);
            name = f.bytes;
        }
        if (s != OK)
            return s;
    }
    if (s != OK)
        return s;
    *dim = value;
    return value > 0 ? OK : new_symbol(r, name, dim, err);
}

static enum status read_shape(struct onnx_reader *r, struct wire w, struct tensor *t,
                              struct err *err)
{
    struct field f;
    enum status s;
    t->rank = 0;
    while (wire_next(&w, &f, &s, err)) {
        if (f.number != F_SHAPE_DIM)
            continue;
        s = wire_want(&w, &f, WIRE_BYTES, "a dim", err);
        if (s == OK && t->rank == TENSOR_RANK_MAX)
            s = err_set(err, E_UNSUPPORTED, "its rank is above %d", TENSOR_RANK_MAX);
        if (s == OK)
            s = read_dim(r, wire_into(&w, &f), &t->dims[t->rank++], err);
        if (s != OK)
            return s;
    }
    return s;
}

static enum status check_dtype(uint64_t dtype, struct err *err)
{
    if (dtype > UINT32_MAX || !dtype_valid((unsigned)dtype))
        return err_set(err, E_UNSUPPORTED, "its ONNX data type %" PRIu64 " is not supported",
                       dtype);
    return OK;
}

static enum status read_tensor_type(struct onnx_reader *r, struct wire w, struct tensor *t,
                                    struct err *err)
{
    struct field f;
    enum status s;
    uint64_t dtype = 0;
    bool shape = false;
    while (wire_next(&w, &f, &s, err)) {
        if (f.number == F_TENSOR_DTYPE) {
            s = wire_want(&w, &f, WIRE_VARINT, "a data type", err);
            dtype = f.value;
        } else if (f.number == F_TENSOR_SHAPE) {
            s = wire_want(&w, &f, WIRE_BYTES, "a shape", err);
            s = s == OK ? read_shape(r, wire_into(&w, &f), t, err) : s;
            shape = true;
        }
        if (s != OK)
            return s;
    }
    if (s == OK)
        s = check_dtype(dtype, err);
    if (s == OK && !shape)
        return err_set(err, E_UNSUPPORTED,
                       "it has no shape; export the model with the input's rank (dims may be "
                       "dynamic), or set it with onnx.helper.make_tensor_value_info");
    t->dtype = (enum dtype)dtype;
    return s;
}

static enum status read_type(struct onnx_reader *r, struct wire w, struct tensor *t,
                             struct err *err)
{
    struct field f;
    enum status s;
    bool found = false;
    while (wire_next(&w, &f, &s, err)) {
        if (f.number == F_TYPE_TENSOR) {
            s = wire_want(&w, &f, WIRE_BYTES, "a type", err);
            s = s == OK ? read_tensor_type(r, wire_into(&w, &f), t, err) : s;
            found = true;
        } else if (f.number <= F_TYPE_LAST && f.type == WIRE_BYTES && f.number != F_DENOTATION) {
            return err_set(err, E_UNSUPPORTED,
                           "it is not a tensor (a sequence, map, optional or "
                           "sparse tensor); give the model a tensor here");
        }
        if (s != OK)
            return s;
    }
    if (s == OK && !found)
        return err_set(err, E_UNSUPPORTED, "it has no type; export the model with typed inputs");
    return s;
}

/* The message in field `number`; empty when there is none. */
static enum status find_message(struct wire w, uint32_t number, struct wire *out, bool *found,
                                struct err *err)
{
    struct field f;
    enum status s;
    *found = false;
    *out = (struct wire){.file = w.file};
    while (wire_next(&w, &f, &s, err)) {
        if (f.number != number)
            continue;
        s = wire_want(&w, &f, WIRE_BYTES, "a type", err);
        if (s != OK)
            return s;
        *out = wire_into(&w, &f);
        *found = true;
    }
    return s;
}

/* Refuses a type of which we know that no tensor has it. */
static enum status want_tensor(struct wire w, struct err *err)
{
    struct field f;
    enum status s;
    while (wire_next(&w, &f, &s, err))
        if (f.number != F_TYPE_TENSOR && f.number <= F_TYPE_LAST && f.number != F_DENOTATION &&
            f.type == WIRE_BYTES)
            return err_set(err, E_UNSUPPORTED,
                           "it is not a tensor (a sequence, map, optional or sparse tensor)");
    return s;
}

enum status onnx_formal_info(struct wire w, struct view *name, struct err *err)
{
    struct field f;
    enum status s;
    *name = (struct view){0};
    while (wire_next(&w, &f, &s, err)) {
        if (f.number == F_INFO_NAME) {
            s = wire_want(&w, &f, WIRE_BYTES, "a value's name", err);
            *name = f.bytes;
        } else if (f.number == F_INFO_TYPE) {
            s = wire_want(&w, &f, WIRE_BYTES, "a value's type", err);
            s = s == OK ? want_tensor(wire_into(&w, &f), err) : s;
        }
        if (s != OK)
            return s;
    }
    return s;
}

/* The number, when it is one and above 0; else 0. */
static int64_t declared_dim(struct wire w)
{
    struct field f;
    enum status s;
    struct err ignored;
    int64_t dim = 0;
    while (wire_next(&w, &f, &s, &ignored))
        if (f.number == F_DIM_VALUE && f.type == WIRE_VARINT)
            dim = (int64_t)f.value;
    return s == OK && dim > 0 ? dim : 0;
}

enum status onnx_declared(struct wire w, struct graph_port *out, struct err *err)
{
    struct wire type, tensor, shape;
    bool found, ranked;
    struct field f;
    uint64_t dtype = 0, rank = 0;
    *out = (struct graph_port){0};
    enum status s = find_message(w, F_INFO_TYPE, &type, &found, err);
    if (s == OK && found)
        s = find_message(type, F_TYPE_TENSOR, &tensor, &found, err);
    if (s != OK || !found)
        return s;
    s = find_message(tensor, F_TENSOR_SHAPE, &shape, &ranked, err);
    if (s != OK || !ranked)
        return s;
    while (wire_next(&tensor, &f, &s, err))
        dtype = f.number == F_TENSOR_DTYPE && f.type == WIRE_VARINT ? f.value : dtype;
    if (s != OK)
        return s;
    struct graph_port port = {.rank = 0};
    while (wire_next(&shape, &f, &s, err)) {
        if (f.number != F_SHAPE_DIM)
            continue;
        if (rank < TENSOR_RANK_MAX)
            port.dims[rank] = declared_dim(wire_into(&shape, &f));
        rank++;
    }
    if (s == OK && dtype <= UINT32_MAX && dtype_valid((unsigned)dtype) && rank <= TENSOR_RANK_MAX) {
        port.dtype = (enum dtype)dtype;
        port.rank = (int)rank;
        *out = port;
    }
    return s;
}

enum status onnx_value_info(struct onnx_reader *r, struct wire w, struct tensor *out,
                            struct view *name, struct err *err)
{
    struct field f;
    enum status s;
    struct wire type = {.file = w.file};
    *name = (struct view){0};
    while (wire_next(&w, &f, &s, err)) {
        if (f.number == F_INFO_NAME) {
            s = wire_want(&w, &f, WIRE_BYTES, "a value's name", err);
            *name = f.bytes;
        } else if (f.number == F_INFO_TYPE) {
            s = wire_want(&w, &f, WIRE_BYTES, "a value's type", err);
            type = wire_into(&w, &f);
        }
        if (s != OK)
            return s;
    }
    if (s == OK && out) {
        *out = (struct tensor){0};
        s = read_type(r, type, out, err);
    }
    return s;
}
