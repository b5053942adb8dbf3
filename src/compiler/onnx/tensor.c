/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* TensorProto -> tensor. The declared shape and the data must agree exactly, whichever of the six
 * forms the data has; raw_data of some size stays in the file, all else is copied into the graph.
 * A copy never needs more than eight bytes per byte in the file. */
#include <inttypes.h>
#include <string.h>

#include "compiler/onnx/onnx_priv.h"

enum { COPY_BELOW_BYTES = 64 * 1024 }; /* raw data below it is copied, hence aligned */

enum tensor_field {
    F_DIMS = 1,
    F_DTYPE = 2,
    F_SEGMENT = 3,
    F_FLOATS = 4,
    F_INT32S = 5,
    F_STRINGS = 6,
    F_INT64S = 7,
    F_NAME = 8,
    F_RAW = 9,
    F_DOUBLES = 10,
    F_UINT64S = 11,
    F_LOCATION = 14,
};

/* Which typed field carries a dtype. */
struct form {
    uint32_t field;
    enum wire_type type;
};

static struct form form_of(enum dtype t)
{
    switch (t) {
    case DT_F32:
        return (struct form){F_FLOATS, WIRE_FIXED32};
    case DT_F64:
        return (struct form){F_DOUBLES, WIRE_FIXED64};
    case DT_I64:
        return (struct form){F_INT64S, WIRE_VARINT};
    case DT_U32:
    case DT_U64:
        return (struct form){F_UINT64S, WIRE_VARINT};
    default:
        return (struct form){F_INT32S, WIRE_VARINT};
    }
}

/* The fields that are not data. */
struct head {
    uint64_t dtype;
    struct view name, raw;
    bool has_raw, external, segment;
};

static enum status read_head(struct wire w, struct head *h, struct err *err)
{
    struct field f;
    enum status s;
    while (wire_next(&w, &f, &s, err)) {
        if (f.number == F_DTYPE) {
            s = wire_want(&w, &f, WIRE_VARINT, "a tensor's dtype", err);
            h->dtype = f.value;
        } else if (f.number == F_NAME) {
            s = wire_want(&w, &f, WIRE_BYTES, "a tensor's name", err);
            h->name = f.bytes;
        } else if (f.number == F_RAW) {
            s = wire_want(&w, &f, WIRE_BYTES, "a tensor's raw data", err);
            h->raw = f.bytes;
            h->has_raw = true;
        }
        h->external |= f.number == F_LOCATION && f.value == 1;
        h->segment |= f.number == F_SEGMENT;
        if (s != OK)
            return s;
    }
    return s;
}

static enum status refuse(const struct head *h, struct err *err)
{
    if (h->external && h->has_raw)
        return err_set(err, E_CORRUPT, "it has data here and in another file");
    if (h->segment)
        return err_set(err, E_UNSUPPORTED, "it comes in segments; save the model again");
    if (h->dtype > UINT32_MAX || !dtype_valid((unsigned)h->dtype))
        return err_set(err, E_UNSUPPORTED,
                       "its ONNX data type %" PRIu64 " is not supported; use float32, or an "
                       "integer type of 8 to 64 bits",
                       h->dtype);
    return OK;
}

static enum status read_dims(struct wire w, struct tensor *t, struct err *err)
{
    uint64_t rank, bytes;
    enum status s = numbers_count(w, F_DIMS, WIRE_VARINT, &rank, err);
    if (s != OK)
        return s;
    if (rank > TENSOR_RANK_MAX)
        return err_set(err, E_UNSUPPORTED, "it has rank %" PRIu64 ", at most %d is supported", rank,
                       TENSOR_RANK_MAX);
    t->rank = (int)rank;
    s = numbers_read(w, F_DIMS, WIRE_VARINT, DT_I64, t->dims, err);
    if (s == OK && !tensor_bytes(t, &bytes))
        return err_set(err, E_CORRUPT, "its dims are negative or their product overflows");
    return s;
}

static enum status mismatch(const struct tensor *t, uint64_t came, const char *unit,
                            struct err *err)
{
    char text[TENSOR_TEXT_MAX];
    return err_set(err, E_CORRUPT, "it is declared %s but holds %" PRIu64 " %s",
                   tensor_text(t, text), came, unit);
}

static enum status check_bools(const struct tensor *t, uint64_t count, struct err *err)
{
    const uint8_t *p = t->data;
    for (uint64_t i = 0; t->dtype == DT_BOOL && i < count; i++)
        if (p[i] > 1)
            return err_set(err, E_CORRUPT, "it holds %d where a bool stands", p[i]);
    return OK;
}

static enum status raw_data(struct onnx_reader *r, const struct head *h, struct tensor *t,
                            struct err *err)
{
    uint64_t bytes = 0;
    if (!tensor_bytes(t, &bytes) || bytes != h->raw.n)
        return mismatch(t, h->raw.n, "bytes", err);
    t->data = (void *)(uintptr_t)h->raw.p; /* constants are never written to */
    if (bytes < COPY_BELOW_BYTES) {
        t->data = graph_alloc(r->g, bytes);
        if (!t->data)
            return reader_no_memory(err);
        if (bytes)
            memcpy(t->data, h->raw.p, bytes);
    }
    return check_bools(t, bytes, err);
}

/* An element for each field; the texts stay in the file. */
static enum status string_data(struct onnx_reader *r, struct wire w, struct tensor *t,
                               struct err *err)
{
    struct tensor came;
    enum status s = onnx_texts(r, w, F_STRINGS, &came, err);
    if (s != OK)
        return s;
    if (came.dims[0] != tensor_count(t))
        return mismatch(t, (uint64_t)came.dims[0], "elements", err);
    t->data = came.data;
    return OK;
}

static enum status typed_data(struct onnx_reader *r, struct wire w, struct tensor *t,
                              struct err *err)
{
    struct form form = form_of(t->dtype);
    uint64_t count, want = (uint64_t)tensor_count(t);
    enum status s = numbers_count(w, form.field, form.type, &count, err);
    if (s != OK)
        return s;
    if (count != want)
        return mismatch(t, count, "elements", err);
    t->data = graph_alloc(r->g, count * dtype_bytes(t->dtype));
    if (!t->data)
        return reader_no_memory(err);
    return numbers_read(w, form.field, form.type, t->dtype, t->data, err);
}

enum status onnx_tensor(struct onnx_reader *r, struct wire w, struct tensor *out, struct view *name,
                        struct err *err)
{
    struct head h = {0};
    enum status s = read_head(w, &h, err);
    *name = h.name;
    if (s == OK)
        s = refuse(&h, err);
    if (s != OK)
        return s;
    struct tensor t = {.dtype = (enum dtype)h.dtype};
    s = read_dims(w, &t, err);
    if (s == OK && h.external) {
        s = onnx_external_data(r->g, w, &h.raw, err);
        h.has_raw = true;
    }
    if (s == OK && t.dtype == DT_STRING)
        s = h.has_raw ? err_set(err, E_CORRUPT, "it holds strings as raw data")
                      : string_data(r, w, &t, err);
    else if (s == OK)
        s = h.has_raw ? raw_data(r, &h, &t, err) : typed_data(r, w, &t, err);
    if (s == OK)
        *out = t;
    return s;
}
