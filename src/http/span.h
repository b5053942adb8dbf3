/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A borrowed run of bytes, not terminated, and what the checkers ask of one. */
#ifndef ROOST_HTTP_SPAN_H
#define ROOST_HTTP_SPAN_H

#include "base/base.h"

/* A view; p NULL: absent. */
struct span {
    const char *p;
    size_t n;
};

/* Character classes of RFC 9110 5.6.2 (token) and RFC 3986 3.3, 3.4 (path, query). */
enum {
    CHAR_TOKEN = 1,  /* tchar */
    CHAR_PATH = 2,   /* pchar, '/' and '%' */
    CHAR_QUERY = 4,  /* CHAR_PATH and '?' */
    CHAR_VALUE = 8,  /* of a field's value: printable, tab, and what is beyond ASCII */
    CHAR_HEX = 16,   /* hexadecimal digits */
    CHAR_DIGIT = 32, /* decimal digits */
};
extern const uint8_t char_class[256];

/* Are all bytes of s of one of these classes? True for an empty span. */
bool span_all(struct span s, unsigned classes);
bool span_is(struct span s, const char *text);        /* the same bytes */
bool span_is_nocase(struct span s, const char *text); /* the same but for ASCII case */
bool span_starts(struct span s, const char *prefix);  /* begins with these bytes */
struct span span_trim(struct span s);                 /* without spaces and tabs at its ends */
/* The part of *rest before the next sep, trimmed; *rest goes on behind it. False at the end. */
bool span_split(struct span *rest, char sep, struct span *part);
/* Decimal digits only, at most max; false otherwise. */
bool span_decimal(struct span s, uint64_t max, uint64_t *out) WARN_UNUSED;
/* -1 when c is no hexadecimal digit. */
int hex_value(unsigned char c);

static inline struct span span_of(const char *p, size_t n)
{
    return (struct span){p, n};
}

#endif
