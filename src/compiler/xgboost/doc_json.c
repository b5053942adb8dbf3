/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The JSON cursor (RFC 8259, and NaN, Infinity, -Infinity, which XGBoost writes). Strings are
 * passed without resolving their escapes. */
#include <string.h>

#include "compiler/xgboost/doc.h"

static void skip_space(struct doc *d)
{
    while (d->p < d->end && (*d->p == ' ' || *d->p == '\n' || *d->p == '\t' || *d->p == '\r'))
        d->p++;
}

/* The byte after white space; 0 at the end of the document (no token begins with 0). */
static uint8_t peek(struct doc *d)
{
    skip_space(d);
    return d->p < d->end ? *d->p : 0;
}

/* At the opening quote. */
static enum status string(struct doc *d, struct doc_value *v)
{
    const uint8_t *p = d->p + 1;
    for (; p < d->end && *p != '"'; p++) {
        if (*p < 0x20)
            return doc_fail(d, "a control byte in a string");
        if (*p == '\\' && ++p == d->end)
            break;
    }
    if (p >= d->end)
        return doc_fail(d, "the document ends inside a string");
    *v = (struct doc_value){.type = DOC_STRING, .data = d->p + 1, .len = (size_t)(p - d->p - 1)};
    d->p = p + 1;
    return OK;
}

static bool in_number(uint8_t c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

static bool in_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(const uint8_t *s, size_t n, const char *word)
{
    return n == strlen(word) && memcmp(s, word, n) == 0;
}

/* null, true, false, NaN, Infinity, -Infinity */
static enum status word(struct doc *d, struct doc_value *v)
{
    const uint8_t *s = d->p, *p = s + (*s == '-' ? 1 : 0);
    while (p < d->end && in_word(*p))
        p++;
    size_t n = (size_t)(p - s);
    *v = (struct doc_value){.data = s, .len = n};
    if (is_word(s, n, "NaN") || is_word(s, n, "Infinity") || is_word(s, n, "-Infinity"))
        v->type = DOC_NUMBER;
    else if (is_word(s, n, "true") || is_word(s, n, "false"))
        *v = (struct doc_value){.type = DOC_BOOL, .data = *s == 't' ? s : NULL};
    else if (is_word(s, n, "null"))
        v->type = DOC_NULL;
    else
        return doc_fail(d, "a value is expected");
    d->p = p;
    return OK;
}

static enum status number(struct doc *d, struct doc_value *v)
{
    const uint8_t *p = d->p;
    while (p < d->end && in_number(*p))
        p++;
    *v = (struct doc_value){.type = DOC_NUMBER, .data = d->p, .len = (size_t)(p - d->p)};
    d->p = p;
    return OK;
}

static enum status json_value(struct doc *d, struct doc_value *v)
{
    uint8_t c = peek(d);
    if (c == '[' || c == '{') {
        enum status s = doc_enter(d, (struct doc_frame){.kind = c});
        d->p++;
        *v = (struct doc_value){.type = c == '[' ? DOC_ARRAY : DOC_OBJECT};
        return s;
    }
    if (c == '"')
        return string(d, v);
    bool signed_word = c == '-' && d->end - d->p > 1 && d->p[1] == 'I';
    if (!signed_word && (c == '-' || (c >= '0' && c <= '9')))
        return number(d, v);
    if (!c)
        return doc_fail(d, "the document ends where a value is expected");
    return word(d, v);
}

/* In a container that ends with `close`: passes the comma, or the end. */
static enum status next(struct doc *d, uint8_t close, bool *more)
{
    struct doc_frame *f = &d->frames[d->depth - 1];
    uint8_t c = peek(d);
    *more = c != close;
    if (c == close) {
        d->p++;
        d->depth--;
        return OK;
    }
    if (f->begun) {
        if (c != ',')
            return doc_fail(d, "',' or '%c' is expected", close);
        d->p++;
    }
    f->begun = true;
    return OK;
}

static enum status json_item(struct doc *d, bool *more)
{
    return next(d, ']', more);
}

static enum status json_key(struct doc *d, struct doc_value *key, bool *more)
{
    enum status s = next(d, '}', more);
    if (s != OK || !*more)
        return s;
    if (peek(d) != '"')
        return doc_fail(d, "a key is expected");
    s = string(d, key);
    if (s != OK)
        return s;
    if (peek(d) != ':')
        return doc_fail(d, "':' is expected");
    d->p++;
    return OK;
}

static enum status json_end(struct doc *d)
{
    skip_space(d);
    return d->p == d->end ? OK : doc_fail(d, "bytes after the document");
}

void doc_init_json(struct doc *d, const void *bytes, size_t n, struct err *err)
{
    static const struct doc_syntax syntax = {"JSON", json_value, json_item, json_key, json_end};
    *d = (struct doc){.syntax = &syntax, .begin = bytes, .p = bytes, .err = err};
    d->end = d->begin + n;
}
