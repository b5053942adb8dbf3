/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The UBJSON cursor (ubjson.org, draft 12): big-endian numbers, containers with or without a count
 * (`#`), arrays and objects of one type (`$`). A count is believed only as far as bytes are there:
 * every item takes at least one byte of the document, so types without a payload are refused where
 * a container declares them for all its items. */
#include <inttypes.h>

#include "compiler/xgboost/doc.h"

static size_t left(const struct doc *d)
{
    return (size_t)(d->end - d->p);
}

/* The next byte, past no-ops. */
static enum status marker(struct doc *d, uint8_t *out)
{
    while (d->p < d->end && *d->p == 'N')
        d->p++;
    if (d->p == d->end)
        return doc_fail(d, "the document ends where a type byte is expected");
    *out = *d->p++;
    return OK;
}

/* Bytes of a number of this type; 0 for what is no number. */
static size_t number_bytes(uint8_t type)
{
    switch (type) {
    case 'i':
    case 'U':
        return 1;
    case 'I':
        return 2;
    case 'l':
    case 'd':
        return 4;
    case 'L':
    case 'D':
        return 8;
    default:
        return 0;
    }
}

static enum status number(struct doc *d, uint8_t type, struct doc_value *v)
{
    size_t bytes = number_bytes(type);
    if (left(d) < bytes)
        return doc_fail(d, "the document ends inside a number");
    *v = (struct doc_value){.type = DOC_NUMBER, .marker = type, .data = d->p, .len = bytes};
    d->p += bytes;
    return OK;
}

/* A length or count: an integer with its type byte. */
static enum status length(struct doc *d, uint64_t *out)
{
    uint8_t type = 0;
    struct doc_value v;
    enum status s = marker(d, &type);
    if (s == OK && !number_bytes(type))
        return doc_fail(d, "type 0x%02x where a length is expected", type);
    if (s == OK)
        s = number(d, type, &v);
    if (s != OK)
        return s;
    int64_t n;
    if (!doc_int(&v, &n) || n < 0)
        return doc_fail(d, "a length that is no count");
    *out = (uint64_t)n;
    return OK;
}

static enum status text(struct doc *d, struct doc_value *v)
{
    uint64_t n;
    enum status s = length(d, &n);
    if (s != OK)
        return s;
    if (n > left(d))
        return doc_fail(d, "a string of %" PRIu64 " bytes, %zu are left", n, left(d));
    *v = (struct doc_value){.type = DOC_STRING, .marker = 'S', .data = d->p, .len = (size_t)n};
    d->p += n;
    return OK;
}

/* After '[' or '{': the optional type and count. */
static enum status container(struct doc *d, uint8_t kind, struct doc_value *v)
{
    struct doc_frame f = {.kind = kind};
    *v = (struct doc_value){.type = kind == '[' ? DOC_ARRAY : DOC_OBJECT, .marker = kind};
    if (left(d) && *d->p == '$') {
        d->p++;
        enum status s = marker(d, &f.item);
        if (s != OK)
            return s;
        if (!number_bytes(f.item) && f.item != 'S' && f.item != 'C')
            return doc_fail(d, "a container of type 0x%02x for all items is not read", f.item);
        if (!left(d) || *d->p != '#')
            return doc_fail(d, "a typed container without a count");
    }
    if (left(d) && *d->p == '#') {
        d->p++;
        f.sized = true;
        enum status s = length(d, &f.left);
        if (s != OK)
            return s;
        uint64_t item_bytes = f.item ? MAX(number_bytes(f.item), 1) : 1;
        if (f.left > left(d) / item_bytes)
            return doc_fail(d, "a container of %" PRIu64 " items, %zu bytes are left", f.left,
                            left(d));
    }
    return doc_enter(d, f);
}

static enum status payload(struct doc *d, uint8_t type, struct doc_value *v)
{
    if (number_bytes(type))
        return number(d, type, v);
    switch (type) {
    case 'S':
        return text(d, v);
    case '[':
    case '{':
        return container(d, type, v);
    case 'T':
    case 'F':
        *v =
            (struct doc_value){.type = DOC_BOOL, .marker = type, .data = type == 'T' ? d->p : NULL};
        return OK;
    case 'Z':
        *v = (struct doc_value){.type = DOC_NULL, .marker = type};
        return OK;
    case 'C':
        if (!left(d))
            return doc_fail(d, "the document ends inside a character");
        *v = (struct doc_value){.type = DOC_STRING, .marker = type, .data = d->p++, .len = 1};
        return OK;
    default:
        d->p--;
        return doc_fail(d, "type byte 0x%02x is not known", type);
    }
}

static enum status ubj_value(struct doc *d, struct doc_value *v)
{
    uint8_t type = d->depth ? d->frames[d->depth - 1].item : 0;
    enum status s = type ? OK : marker(d, &type);
    return s == OK ? payload(d, type, v) : s;
}

/* Is there another item in the innermost container? Closes it when not. */
static enum status next(struct doc *d, uint8_t close, bool *more)
{
    struct doc_frame *f = &d->frames[d->depth - 1];
    if (f->sized) {
        *more = f->left > 0;
        f->left -= *more ? 1 : 0;
    } else {
        uint8_t c = 0;
        enum status s = marker(d, &c);
        if (s != OK)
            return s;
        *more = c != close;
        d->p -= *more ? 1 : 0;
    }
    d->depth -= *more ? 0 : 1;
    return OK;
}

static enum status ubj_item(struct doc *d, bool *more)
{
    return next(d, ']', more);
}

static enum status ubj_key(struct doc *d, struct doc_value *key, bool *more)
{
    enum status s = next(d, '}', more);
    return s == OK && *more ? text(d, key) : s;
}

static enum status ubj_end(struct doc *d)
{
    while (d->p < d->end && *d->p == 'N')
        d->p++;
    return d->p == d->end ? OK : doc_fail(d, "bytes after the document");
}

void doc_init_ubj(struct doc *d, const void *bytes, size_t n, struct err *err)
{
    static const struct doc_syntax syntax = {"UBJSON", ubj_value, ubj_item, ubj_key, ubj_end};
    *d = (struct doc){.syntax = &syntax, .begin = bytes, .p = bytes, .err = err};
    d->end = d->begin + n;
}
