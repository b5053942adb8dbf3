/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The text of a string, as its writer meant it. UBJSON has it as it stands; JSON escapes it.
 * source: RFC 8259, section 7 */
#include <string.h>

#include "compiler/xgboost/doc.h"

/* Four hex digits; -1 when they are not there. */
static int32_t hex4(const uint8_t *p, const uint8_t *end)
{
    int32_t v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        uint8_t c = p[i] | 0x20;
        if (c >= '0' && c <= '9')
            v = v << 4 | (c - '0');
        else if (c >= 'a' && c <= 'f')
            v = v << 4 | (c - 'a' + 10);
        else
            return -1;
    }
    return v;
}

static size_t utf8(int32_t c, uint8_t out[4])
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)(lead[n] | c);
    return n;
}

/* What stands behind "\\u": moves *p on and gives the bytes; 0 when it is no character. */
static size_t code_point(const uint8_t **p, const uint8_t *end, uint8_t out[4])
{
    int32_t c = hex4(*p, end);
    if (c < 0)
        return 0;
    *p += 4;
    if (c >= 0xd800 && c < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        int32_t low = hex4(*p + 2, end);
        if (low < 0xdc00 || low > 0xdfff)
            return 0;
        *p += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    return c >= 0xd800 && c < 0xe000 ? 0 : utf8(c, out);
}

static size_t escape(const uint8_t **p, const uint8_t *end, uint8_t out[4])
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (*p == end || !**p)
        return 0;
    uint8_t c = *(*p)++;
    if (c == 'u')
        return code_point(p, end, out);
    const char *k = strchr(from, c);
    if (!k)
        return 0;
    out[0] = (uint8_t)to[k - from];
    return 1;
}

bool doc_text(const struct doc_value *v, struct buf *out, enum status *s)
{
    const uint8_t *p = v->data, *end = v->data + v->len;
    *s = OK;
    if (v->marker) {
        *s = buf_add(out, p, v->len);
        return true;
    }
    while (*s == OK && p < end) {
        const uint8_t *run = p, *stop = memchr(p, '\\', (size_t)(end - p));
        uint8_t bytes[4];
        p = stop ? stop : end;
        *s = buf_add(out, run, (size_t)(p - run));
        if (*s != OK || !stop)
            break;
        p++;
        size_t n = escape(&p, end, bytes);
        if (!n)
            return false;
        *s = buf_add(out, bytes, n);
    }
    return true;
}
