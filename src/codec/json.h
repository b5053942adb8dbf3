/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A streaming reader over one JSON text (RFC 8259): no tree, no heap, bounded nesting. Every call
 * that fails has filled err with the byte offset, what came and what was expected. */
#ifndef ROOST_CODEC_JSON_H
#define ROOST_CODEC_JSON_H

#include "base/buf.h"

/* Embedded. */
struct json {
    const char *text; /* borrowed */
    size_t n, at;     /* at <= n: the next byte */
    int depth;        /* open arrays and objects */
};

void json_init(struct json *j, const void *text, size_t n);
/* The next byte after white space, not consumed; 0 at the end of the text. */
char json_peek(struct json *j);
/* Consumes c, which must come next. */
enum status json_take(struct json *j, char c, struct err *err) WARN_UNUSED;
/* Opens '[' or '{'; false in *more when it closes at once (the closing is consumed). */
enum status json_open(struct json *j, char open, bool *more, struct err *err) WARN_UNUSED;
/* After an element of what `open` opened: ',' gives more, the closing bracket ends. */
enum status json_next(struct json *j, char open, bool *more, struct err *err) WARN_UNUSED;
/* A string, unescaped into out[max+1], terminated; E_BAD_INPUT beyond max bytes or with a NUL. */
enum status json_string(struct json *j, char *out, size_t max, struct err *err) WARN_UNUSED;
/* A string of any length, unescaped behind what out holds; its bytes are not looked at further.
 * errors: E_BAD_INPUT (syntax, NUL); E_TOO_LARGE, E_NO_MEMORY without words */
enum status json_unescape(struct json *j, struct buf *out, struct err *err) WARN_UNUSED;
/* An object's key and its ':'. */
enum status json_key(struct json *j, char *out, size_t max, struct err *err) WARN_UNUSED;
/* A number, not converted. */
enum status json_number(struct json *j, const char **s, size_t *n, struct err *err) WARN_UNUSED;
/* One of the words true, false, null when it comes next (consumed); false otherwise. */
bool json_word(struct json *j, const char *word);
/* Steps over one whole value, checking it. */
enum status json_skip(struct json *j, struct err *err) WARN_UNUSED;
/* Nothing but white space may follow. */
enum status json_end(struct json *j, struct err *err) WARN_UNUSED;
/* Fills err: "JSON at byte N: expected WHAT, found X". Returns E_BAD_INPUT. */
enum status json_fault(struct json *j, const char *expected, struct err *err);

#endif
