/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Classification by one table, so that every checker means the same bytes by the same word. */
#include "http/span.h"

#include <string.h>
#include <strings.h>

const uint8_t char_class[256] = {
    /* clang-format off: sixteen codes a row */
    0,  0,  0,
    0,  0,  0,
    0,  0,  0,
    8,  0,  0,
    0,  0,  0,
    0,  0,  0,
    0,  0,  0,
    0,  0,  0,
    0,  0,  0,
    0,  0,  0,
    0,  0,  8,
    15, 8,  9,
    15, 15, 15,
    15, 14, 14,
    15, 15, 14,
    15, 15, 14,
    63, 63, 63,
    63, 63, 63,
    63, 63, 63,
    63, 14, 14,
    8,  14, 8,
    12, 14, 31,
    31, 31, 31,
    31, 31, 15,
    15, 15, 15,
    15, 15, 15,
    15, 15, 15,
    15, 15, 15,
    15, 15, 15,
    15, 15, 15,
    15, 8,  8,
    8,  9,  15,
    9,  31, 31,
    31, 31, 31,
    31, 15, 15,
    15, 15, 15,
    15, 15, 15,
    15, 15, 15,
    15, 15, 15,
    15, 15, 15,
    15, 15, 15,
    8,  9,  8,
    15, 0,  [128 ... 255] = CHAR_VALUE,
    /* clang-format on */
};

bool span_all(struct span s, unsigned classes)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(char_class[(unsigned char)s.p[i]] & classes))
            return false;
    return true;
}

bool span_is(struct span s, const char *text)
{
    return s.p && s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

bool span_is_nocase(struct span s, const char *text)
{
    return s.p && s.n == strlen(text) && strncasecmp(s.p, text, s.n) == 0;
}

bool span_starts(struct span s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.p && s.n >= n && memcmp(s.p, prefix, n) == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct span span_trim(struct span s)
{
    while (s.n && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool span_split(struct span *rest, char sep, struct span *part)
{
    if (!rest->p)
        return false;
    const char *end = memchr(rest->p, sep, rest->n);
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    *part = span_trim(span_of(rest->p, n));
    *rest = end ? span_of(end + 1, rest->n - n - 1) : span_of(NULL, 0);
    return true;
}

bool span_decimal(struct span s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (!s.n || !span_all(s, CHAR_DIGIT))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(s.p[i] - '0');
        if (v > (max - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

int hex_value(unsigned char c)
{
    if (!(char_class[c] & CHAR_HEX))
        return -1;
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}
