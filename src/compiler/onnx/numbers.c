/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Repeated numbers come packed (one field that holds many) or one field each, and both in one
 * message; readers must take all forms. Counting comes first, so that a reader allocates only what
 * the bytes in the file can fill.
 * source: Protocol Buffers, "Encoding", packed fields */
#include <string.h>

#include "compiler/onnx/onnx_priv.h"

static size_t fixed_bytes(enum wire_type type)
{
    return type == WIRE_FIXED32 ? 4 : 8;
}

/* One element from the front of v. */
static bool element(struct view *v, enum wire_type type, uint64_t *bits)
{
    if (type == WIRE_VARINT)
        return wire_varint(v, bits);
    size_t n = fixed_bytes(type);
    if (v->n < n)
        return false;
    *bits = 0;
    memcpy(bits, v->p, n);
    v->p += n;
    v->n -= n;
    return true;
}

/* Elements in packed bytes. False when the last one is cut short. */
static bool packed_count(struct view v, enum wire_type type, uint64_t *count)
{
    if (type != WIRE_VARINT) {
        *count += v.n / fixed_bytes(type);
        return v.n % fixed_bytes(type) == 0;
    }
    for (uint64_t bits; v.n; (*count)++)
        if (!wire_varint(&v, &bits))
            return false;
    return true;
}

static enum status bad(const struct wire *w, uint32_t number, struct err *err)
{
    return err_set(err, E_CORRUPT, "the numbers of field %u before byte %zu are malformed", number,
                   (size_t)(w->rest.p - w->file));
}

enum status numbers_count(struct wire w, uint32_t number, enum wire_type type, uint64_t *count,
                          struct err *err)
{
    struct field f;
    enum status s;
    *count = 0;
    while (wire_next(&w, &f, &s, err)) {
        if (f.number != number)
            continue;
        if (f.type == type)
            (*count)++;
        else if (f.type != WIRE_BYTES || !packed_count(f.bytes, type, count))
            return bad(&w, number, err);
    }
    return s;
}

/* The range of values that a varint may have for a dtype, as signed numbers. */
static bool fits(enum dtype dtype, uint64_t bits)
{
    int64_t v = (int64_t)bits;
    switch (dtype) {
    case DT_BOOL:
        return bits <= 1;
    case DT_U8:
        return bits <= UINT8_MAX;
    case DT_I8:
        return v >= INT8_MIN && v <= INT8_MAX;
    case DT_U16:
    case DT_F16:
    case DT_BF16:
        return bits <= UINT16_MAX;
    case DT_I16:
        return v >= INT16_MIN && v <= INT16_MAX;
    case DT_U32:
        return bits <= UINT32_MAX;
    case DT_I32:
        return v >= INT32_MIN && v <= INT32_MAX;
    default:
        return true;
    }
}

/* Stores one element; little-endian, so the low bytes come first. */
static bool store(enum wire_type type, enum dtype dtype, uint64_t bits, uint8_t **dst)
{
    size_t n = dtype_bytes(dtype);
    if (type == WIRE_VARINT && !fits(dtype, bits))
        return false;
    memcpy(*dst, &bits, n);
    *dst += n;
    return true;
}

static bool store_packed(struct view v, enum wire_type type, enum dtype dtype, uint8_t **dst)
{
    if (type != WIRE_VARINT && v.n) {
        memcpy(*dst, v.p, v.n);
        *dst += v.n;
        return true;
    }
    for (uint64_t bits; v.n;)
        if (!element(&v, type, &bits) || !store(type, dtype, bits, dst))
            return false;
    return true;
}

enum status numbers_read(struct wire w, uint32_t number, enum wire_type type, enum dtype dtype,
                         void *dst, struct err *err)
{
    struct field f;
    enum status s;
    uint8_t *at = dst;
    while (wire_next(&w, &f, &s, err)) {
        if (f.number != number)
            continue;
        bool ok = f.type == type ? store(type, dtype, f.value, &at)
                                 : store_packed(f.bytes, type, dtype, &at);
        if (!ok)
            return err_set(err, E_CORRUPT, "a number before byte %zu does not fit %s",
                           (size_t)(w.rest.p - w.file), dtype_text(dtype));
    }
    return s;
}
