/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every read is checked against the bytes that remain; nothing is copied and nothing allocated.
 *
 * Why not protobuf-c: it unpacks a whole message tree before we see the first byte, so a 500 MB
 * model costs 500 MB of copies and a small hostile file can ask for many allocations of its
 * choosing; reading in place leaves raw_data a pointer into the file, lets each message's reader
 * bound what it allocates, and keeps what must be trusted to these 100 lines. We read seven message
 * types of a schema that only ever grows, so generated code would save little.
 * source: Protocol Buffers, "Encoding" */
#include "compiler/onnx/wire.h"

#include <string.h>

bool wire_varint(struct view *v, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && v->n; shift += 7) {
        uint8_t b = *v->p++;
        v->n--;
        if (shift == 63 && b > 1)
            return false;
        value |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *out = value;
            return true;
        }
    }
    return false;
}

static enum status corrupt(const uint8_t *file, const uint8_t *at, const char *what,
                           struct err *err)
{
    return err_set(err, E_CORRUPT, "%s at byte %zu of the file", what, (size_t)(at - file));
}

static bool take(struct view *v, uint64_t n, struct view *out)
{
    if (n > v->n)
        return false;
    *out = (struct view){v->p, (size_t)n};
    v->p += n;
    v->n -= (size_t)n;
    return true;
}

/* The payload of a field whose tag has been read. */
static bool payload(struct view *rest, struct field *f)
{
    uint64_t n;
    switch (f->type) {
    case WIRE_VARINT:
        return wire_varint(rest, &f->value);
    case WIRE_FIXED64:
        if (!take(rest, 8, &f->bytes))
            return false;
        memcpy(&f->value, f->bytes.p, 8);
        return true;
    case WIRE_FIXED32:
        if (!take(rest, 4, &f->bytes))
            return false;
        memcpy(&f->value, f->bytes.p, 4);
        return true;
    case WIRE_BYTES:
        return wire_varint(rest, &n) && take(rest, n, &f->bytes);
    default:
        return false; /* groups, and numbers that mean nothing */
    }
}

bool wire_next(struct wire *w, struct field *f, enum status *s, struct err *err)
{
    *s = OK;
    if (!w->rest.n)
        return false;
    const uint8_t *start = w->rest.p;
    uint64_t tag;
    if (!wire_varint(&w->rest, &tag) || tag > UINT32_MAX || tag >> 3 == 0) {
        *s = corrupt(w->file, start, "not a protobuf field", err);
        return false;
    }
    *f = (struct field){.number = (uint32_t)(tag >> 3), .type = (enum wire_type)(tag & 7)};
    if (payload(&w->rest, f))
        return true;
    *s = corrupt(w->file, start, "a protobuf field is cut short or of an unknown kind", err);
    return false;
}

enum status wire_want(const struct wire *w, const struct field *f, enum wire_type type,
                      const char *what, struct err *err)
{
    if (f->type == type)
        return OK;
    return err_set(err, E_CORRUPT, "%s before byte %zu has wire type %d, expected %d", what,
                   (size_t)(w->rest.p - w->file), (int)f->type, (int)type);
}

struct wire wire_into(const struct wire *w, const struct field *f)
{
    return (struct wire){w->file, f->bytes};
}
