/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What JSON and UBJSON cursors share: the stack of open containers, skipping, and reading a value
 * as a number whichever of the forms it has. */
#include "compiler/xgboost/doc.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum status doc_fail(struct doc *d, const char *fmt, ...)
{
    char words[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);
    return err_set(d->err, E_CORRUPT, "%s, byte %zu: %s", d->syntax->name,
                   (size_t)(d->p - d->begin), words);
}

enum status doc_enter(struct doc *d, struct doc_frame frame)
{
    if (d->depth == DOC_DEPTH_MAX)
        return doc_fail(d, "nested deeper than %d", DOC_DEPTH_MAX);
    d->frames[d->depth++] = frame;
    return OK;
}

/* Walks on until only `depth` containers are open. */
static enum status close_to(struct doc *d, uint32_t depth)
{
    while (d->depth > depth) {
        struct doc_value v;
        bool more = false;
        enum status s =
            d->frames[d->depth - 1].kind == '[' ? doc_item(d, &more) : doc_key(d, &v, &more);
        if (s == OK && more)
            s = doc_value(d, &v);
        if (s != OK)
            return s;
    }
    return OK;
}

enum status doc_skip(struct doc *d)
{
    uint32_t depth = d->depth;
    struct doc_value v;
    enum status s = doc_value(d, &v);
    return s == OK ? close_to(d, depth) : s;
}

enum status doc_rest(struct doc *d)
{
    return close_to(d, d->depth - 1);
}

enum status doc_end(struct doc *d)
{
    if (d->depth)
        return doc_fail(d, "the document ends inside a container");
    return d->syntax->end(d);
}

enum status doc_expect(struct doc *d, enum doc_type type, struct doc_value *v)
{
    static const char *const names[] = {"null",     "a bool",   "a number",
                                        "a string", "an array", "an object"};
    enum status s = doc_value(d, v);
    if (s == OK && v->type != type)
        return doc_fail(d, "%s where %s is expected", names[v->type], names[type]);
    return s;
}

bool doc_is(const struct doc_value *v, const char *text)
{
    return v->type == DOC_STRING && v->len == strlen(text) && memcmp(v->data, text, v->len) == 0;
}

static uint64_t big_endian(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* UBJSON's numbers: 'd' and 'D' are IEEE, 'U' unsigned, the others two's complement. */
static bool binary_int(const struct doc_value *v, int64_t *out)
{
    uint64_t bits = big_endian(v->data, v->len);
    switch (v->marker) {
    case 'U':
        *out = (int64_t)bits;
        return true;
    case 'i':
        *out = (int8_t)bits;
        return true;
    case 'I':
        *out = (int16_t)bits;
        return true;
    case 'l':
        *out = (int32_t)bits;
        return true;
    case 'L':
        *out = (int64_t)bits;
        return true;
    default:
        return false;
    }
}

static bool binary_float(const struct doc_value *v, float *out)
{
    if (v->marker == 'd') {
        uint32_t bits = (uint32_t)big_endian(v->data, 4);
        memcpy(out, &bits, sizeof(*out));
        return true;
    }
    if (v->marker == 'D') {
        uint64_t bits = big_endian(v->data, 8);
        double x;
        memcpy(&x, &bits, sizeof(x));
        *out = (float)x;
        return true;
    }
    int64_t i;
    if (!binary_int(v, &i))
        return false;
    *out = (float)i;
    return true;
}

bool doc_int(const struct doc_value *v, int64_t *out)
{
    if (v->type == DOC_BOOL) {
        *out = v->data ? 1 : 0;
        return true;
    }
    if (v->type == DOC_NUMBER && v->marker)
        return binary_int(v, out);
    return (v->type == DOC_NUMBER || v->type == DOC_STRING) && decimal_int(v->data, v->len, out);
}

bool doc_float(const struct doc_value *v, float *out)
{
    if (v->type == DOC_NUMBER && v->marker)
        return binary_float(v, out);
    return (v->type == DOC_NUMBER || v->type == DOC_STRING) && decimal_float(v->data, v->len, out);
}
