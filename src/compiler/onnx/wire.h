/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Protobuf's wire format, read in place: a cursor over borrowed bytes that never leaves them. */
#ifndef ROOST_COMPILER_ONNX_WIRE_H
#define ROOST_COMPILER_ONNX_WIRE_H

#include "base/status.h"

/* Borrowed bytes. */
struct view {
    const uint8_t *p;
    size_t n;
};

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* A message being read. Begin with {.file = start of the file, .rest = the message's bytes}. */
struct wire {
    const uint8_t *file; /* for offsets in messages */
    struct view rest;    /* bytes not yet read */
};

struct field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;    /* VARINT, FIXED32, FIXED64: the bits */
    struct view bytes; /* BYTES; for the fixed ones, their own bytes */
};

/* The next field of the message; false at its end or on an error (*s tells which: OK at the end).
 * errors: E_CORRUPT, naming the offset: a field cut short, a varint beyond 64 bits, a group, a
 * number of 0 */
bool wire_next(struct wire *w, struct field *f, enum status *s, struct err *err);

/* One varint from the front of v. False when it is cut short or longer than 64 bits. */
bool wire_varint(struct view *v, uint64_t *out) WARN_UNUSED;

/* errors: E_CORRUPT unless f has that wire type; `what` names the field */
enum status wire_want(const struct wire *w, const struct field *f, enum wire_type type,
                      const char *what, struct err *err) WARN_UNUSED;

/* A cursor over the message that f holds. */
struct wire wire_into(const struct wire *w, const struct field *f);

#endif
