/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A cursor over a JSON or UBJSON document in memory. It walks once from front to back, converts
 * nothing that is not asked for, allocates nothing, and needs time in proportion to the bytes it
 * passes. Values are views into the document.
 *
 *     doc_value(d, &v)          the next value; an array or object is thereby entered
 *     doc_item(d, &more)        in an array: is there another item? Leaves it when not
 *     doc_key(d, &key, &more)   in an object: the next key, whose value follows
 *     doc_skip(d)               passes the next value with all that is in it
 *
 * What is skipped must still be well formed as far as its structure goes (nesting, strings, sizes);
 * the text of skipped JSON numbers is not looked at. All errors are E_CORRUPT and name the byte. */
#ifndef ROOST_COMPILER_XGBOOST_DOC_H
#define ROOST_COMPILER_XGBOOST_DOC_H

#include "base/buf.h"

enum { DOC_DEPTH_MAX = 64 };

enum doc_type { DOC_NULL, DOC_BOOL, DOC_NUMBER, DOC_STRING, DOC_ARRAY, DOC_OBJECT };

struct doc_value {
    enum doc_type type;
    uint8_t marker;      /* UBJSON: its type byte. JSON: 0 */
    const uint8_t *data; /* number: its bytes (JSON: its text); string: its text, escapes as they
                          * stand; bool: NULL for false */
    size_t len;
};

struct doc_frame {
    uint8_t kind;  /* '[' or '{' */
    uint8_t item;  /* UBJSON: the type byte of all items, 0 when each has its own */
    bool sized;    /* UBJSON: `left` says when it ends; otherwise a closing byte does */
    bool begun;    /* JSON: past the first item */
    uint64_t left; /* UBJSON, sized: items still to come */
};

struct doc;
struct doc_syntax {
    const char *name; /* "JSON" */
    enum status (*value)(struct doc *d, struct doc_value *v);
    enum status (*item)(struct doc *d, bool *more);
    enum status (*key)(struct doc *d, struct doc_value *key, bool *more);
    enum status (*end)(struct doc *d); /* nothing but what may follow a document is left */
};

struct doc {
    const struct doc_syntax *syntax;
    const uint8_t *begin, *p, *end; /* borrowed */
    struct err *err;
    uint32_t depth;
    struct doc_frame frames[DOC_DEPTH_MAX];
};

void doc_init_json(struct doc *d, const void *bytes, size_t n, struct err *err);
void doc_init_ubj(struct doc *d, const void *bytes, size_t n, struct err *err);

static inline WARN_UNUSED enum status doc_value(struct doc *d, struct doc_value *v)
{
    return d->syntax->value(d, v);
}
static inline WARN_UNUSED enum status doc_item(struct doc *d, bool *more)
{
    return d->syntax->item(d, more);
}
static inline WARN_UNUSED enum status doc_key(struct doc *d, struct doc_value *key, bool *more)
{
    return d->syntax->key(d, key, more);
}
enum status doc_skip(struct doc *d) WARN_UNUSED;
enum status
doc_rest(struct doc *d) WARN_UNUSED; /* passes what is left of the container we are in */
enum status doc_end(struct doc *d) WARN_UNUSED;

/* The next value, which must be of the given type. */
enum status doc_expect(struct doc *d, enum doc_type type, struct doc_value *v) WARN_UNUSED;
/* "JSON, byte 123: <words>".  Always E_CORRUPT. */
enum status doc_fail(struct doc *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* For the syntaxes: enters a container.  errors: E_CORRUPT beyond DOC_DEPTH_MAX */
enum status doc_enter(struct doc *d, struct doc_frame frame) WARN_UNUSED;

/* Appends a string's bytes, escapes resolved. False when an escape or a byte is none, with part of
 * it appended.  errors (of *s): E_NO_MEMORY; E_TOO_LARGE */
bool doc_text(const struct doc_value *v, struct buf *out, enum status *s) WARN_UNUSED;
bool doc_is(const struct doc_value *v, const char *text); /* a string equal to text */
/* The number, the number in a string, or 0 and 1 for a bool. False when it is none, or for
 * doc_int not an integer of 64 bits. Reals are rounded once, to the nearest float. */
bool doc_int(const struct doc_value *v, int64_t *out) WARN_UNUSED;
bool doc_float(const struct doc_value *v, float *out) WARN_UNUSED;

/* The nearest float to a decimal number (or NaN, Infinity, -Infinity; letters in any case) that
 * fills all of s[0..n). */
bool decimal_float(const uint8_t *s, size_t n, float *out) WARN_UNUSED;
bool decimal_int(const uint8_t *s, size_t n, int64_t *out) WARN_UNUSED;

#endif
