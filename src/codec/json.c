/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The reader moves over the text once; nesting is counted against CODEC_JSON_DEPTH_MAX wherever a
 * bracket opens, so that neither recursion here nor in callers grows with the input. */
#include "codec/json.h"

#include <stdio.h>
#include <string.h>

#include "codec/codec.h"
#include "tensor/number.h"

void json_init(struct json *j, const void *text, size_t n)
{
    *j = (struct json){.text = text, .n = n};
}

enum status json_fault(struct json *j, const char *expected, struct err *err)
{
    char found[16] = "the end";
    if (j->at < j->n) {
        unsigned char c = (unsigned char)j->text[j->at];
        if (c > 0x20 && c < 0x7f)
            snprintf(found, sizeof(found), "'%c'", c);
        else
            snprintf(found, sizeof(found), "byte 0x%02x", c);
    }
    return err_set(err, E_BAD_INPUT, "JSON at byte %zu: expected %s, found %s", j->at, expected,
                   found);
}

char json_peek(struct json *j)
{
    while (j->at < j->n) {
        char c = j->text[j->at];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return c;
        j->at++;
    }
    return 0;
}

enum status json_take(struct json *j, char c, struct err *err)
{
    if (json_peek(j) == c && j->at < j->n) {
        j->at++;
        return OK;
    }
    char expected[4] = {'\'', c, '\'', 0};
    return json_fault(j, expected, err);
}

static char closing(char open)
{
    return open == '[' ? ']' : '}';
}

enum status json_open(struct json *j, char open, bool *more, struct err *err)
{
    enum status s = json_take(j, open, err);
    if (s != OK)
        return s;
    if (j->depth >= CODEC_JSON_DEPTH_MAX)
        return err_set(err, E_BAD_INPUT, "JSON at byte %zu: nested deeper than %d", j->at,
                       CODEC_JSON_DEPTH_MAX);
    *more = json_peek(j) != closing(open);
    if (*more)
        j->depth++;
    else
        j->at++;
    return OK;
}

enum status json_next(struct json *j, char open, bool *more, struct err *err)
{
    char c = json_peek(j);
    if (c != ',' && c != closing(open))
        return json_fault(j, open == '[' ? "',' or ']'" : "',' or '}'", err);
    *more = c == ',';
    j->at++;
    if (!*more)
        j->depth--;
    return OK;
}

/* Four hex digits at text[at]; -1 when they are not there. */
static long hex4(const struct json *j, size_t at)
{
    long v = 0;
    if (at + 4 > j->n)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        char c = j->text[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

/* UTF-8 of the code point after "\u" at j->at; 0 bytes when it is malformed, a lone surrogate or
 * NUL. */
static size_t unescape_unicode(struct json *j, char out[4])
{
    long c = hex4(j, j->at);
    j->at += c < 0 ? 0 : 4;
    if (c >= 0xd800 && c < 0xdc00 && j->at + 6 <= j->n && j->text[j->at] == '\\' &&
        j->text[j->at + 1] == 'u') {
        long low = hex4(j, j->at + 2);
        if (low < 0xdc00 || low > 0xdfff)
            return 0;
        j->at += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    if (c <= 0 || (c >= 0xd800 && c < 0xe000))
        return 0;
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[len] | c);
    return len;
}

/* One character of a string, escapes resolved. */
static size_t string_char(struct json *j, char out[4])
{
    unsigned char c = (unsigned char)j->text[j->at];
    if (c < 0x20)
        return 0;
    j->at++;
    out[0] = (char)c;
    if (c != '\\')
        return 1;
    if (j->at >= j->n)
        return 0;
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char e = j->text[j->at++];
    if (e == 'u')
        return unescape_unicode(j, out);
    const char *k = e ? strchr(from, e) : NULL;
    if (!k)
        return 0;
    out[0] = to[k - from];
    return 1;
}

/* out NULL: only steps over the string. */
static enum status string(struct json *j, char *out, size_t max, struct err *err)
{
    size_t len = 0, start = j->at;
    enum status s = json_take(j, '"', err);
    if (s != OK)
        return s;
    while (j->at < j->n && j->text[j->at] != '"') {
        char c[4];
        size_t k = string_char(j, c);
        if (!k)
            return json_fault(j, "a valid string character", err);
        if (out && len + k > max)
            return err_set(err, E_BAD_INPUT, "JSON at byte %zu: a string longer than %zu bytes",
                           start, max);
        if (out)
            memcpy(out + len, c, k);
        len += k;
    }
    if (out)
        out[len] = 0;
    return json_take(j, '"', err);
}

/* How many bytes from here on stand for themselves. */
static size_t plain(const struct json *j)
{
    size_t i = j->at;
    while (i < j->n && (unsigned char)j->text[i] >= 0x20 && j->text[i] != '"' && j->text[i] != '\\')
        i++;
    return i - j->at;
}

enum status json_unescape(struct json *j, struct buf *out, struct err *err)
{
    enum status s = json_take(j, '"', err);
    while (s == OK && j->at < j->n && j->text[j->at] != '"') {
        char c[4];
        size_t n = plain(j), k = 0;
        s = buf_add(out, j->text + j->at, n);
        j->at += n;
        if (s != OK || j->at == j->n || j->text[j->at] == '"')
            continue;
        if (!(k = string_char(j, c)))
            return json_fault(j, "a valid string character", err);
        s = buf_add(out, c, k);
    }
    return s == OK ? json_take(j, '"', err) : s;
}

enum status json_string(struct json *j, char *out, size_t max, struct err *err)
{
    return string(j, out, max, err);
}

enum status json_key(struct json *j, char *out, size_t max, struct err *err)
{
    if (json_peek(j) != '"')
        return json_fault(j, "a key", err);
    enum status s = string(j, out, max, err);
    return s == OK ? json_take(j, ':', err) : s;
}

enum status json_number(struct json *j, const char **s, size_t *n, struct err *err)
{
    json_peek(j);
    size_t len = number_span(j->text + j->at, j->n - j->at);
    if (!len)
        return json_fault(j, "a number", err);
    *s = j->text + j->at;
    *n = len;
    j->at += len;
    return OK;
}

bool json_word(struct json *j, const char *word)
{
    size_t len = strlen(word);
    json_peek(j);
    if (j->n - j->at < len || memcmp(j->text + j->at, word, len) != 0)
        return false;
    j->at += len;
    return true;
}

static enum status skip_scalar(struct json *j, struct err *err)
{
    const char *s;
    size_t n;
    if (json_peek(j) == '"')
        return string(j, NULL, 0, err);
    if (json_word(j, "true") || json_word(j, "false") || json_word(j, "null"))
        return OK;
    return json_number(j, &s, &n, err);
}

/* Opens one bracket, or steps over a scalar; *value is true when a whole value lies behind us. */
static enum status skip_step(struct json *j, char *stack, int *top, bool *value, struct err *err)
{
    char c = json_peek(j);
    bool more = false;
    enum status s;
    *value = true;
    if (c != '[' && c != '{')
        return skip_scalar(j, err);
    s = json_open(j, c, &more, err);
    if (s == OK && more) {
        stack[(*top)++] = c;
        *value = false;
    }
    return s;
}

enum status json_skip(struct json *j, struct err *err)
{
    char stack[CODEC_JSON_DEPTH_MAX + 1];
    int top = 0;
    bool value, more;
    enum status s;
    do {
        if (top && stack[top - 1] == '{') {
            if ((s = string(j, NULL, 0, err)) != OK || (s = json_take(j, ':', err)) != OK)
                return s;
        }
        if ((s = skip_step(j, stack, &top, &value, err)) != OK)
            return s;
        for (more = !value; top && !more;) {
            if ((s = json_next(j, stack[top - 1], &more, err)) != OK)
                return s;
            top -= more ? 0 : 1;
        }
    } while (top);
    return OK;
}

enum status json_end(struct json *j, struct err *err)
{
    json_peek(j);
    return j->at == j->n ? OK : json_fault(j, "the end", err);
}
