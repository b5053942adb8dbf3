/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The head checker: finds the end of a request head and proves every byte of it, strictly. What it
 * lets through has one meaning only, for us and for any proxy before us. Pure: no sockets, no
 * clock, no memory of its own. source: RFC 9112, RFC 9110 */
#ifndef ROOST_HTTP_HEAD_H
#define ROOST_HTTP_HEAD_H

#include "http/refusal.h"
#include "http/span.h"

#define METHOD_TABLE(X) X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(OPTIONS) X(PATCH)

enum method {
#define X(name) METHOD_##name,
    METHOD_TABLE(X)
#undef X
        METHOD_COUNT
};
const char *method_text(enum method m);

/* The fields the server reads and that may stand once; every other field is checked and passed
 * over. */
#define FIELD_TABLE(X)                                                                             \
    X(FIELD_HOST, "host")                                                                          \
    X(FIELD_LENGTH, "content-length")                                                              \
    X(FIELD_CODING, "transfer-encoding")                                                           \
    X(FIELD_EXPECT, "expect")                                                                      \
    X(FIELD_TYPE, "content-type")                                                                  \
    X(FIELD_ENCODING, "content-encoding")                                                          \
    X(FIELD_ORIGIN, "origin")                                                                      \
    X(FIELD_REQUEST_ID, "x-request-id")                                                            \
    X(FIELD_TIMEOUT, "x-roost-timeout-ms")                                                         \
    X(FIELD_NAN, "x-roost-nan")                                                                    \
    X(FIELD_OUTPUT, "x-roost-output")                                                              \
    X(FIELD_VERSION, "x-roost-version")

enum field {
#define X(id, name) id,
    FIELD_TABLE(X)
#undef X
        FIELD_COUNT
};

enum { ACCEPT_MAX = 4 }; /* Accept is a list and may stand several times; this often */

/* A checked head. Spans borrow from the bytes that were parsed. */
struct head {
    enum method method;
    struct span path;  /* begins with '/'; every '%' is followed by two hexadecimal digits */
    struct span query; /* behind the first '?'; absent without one */
    int minor;         /* HTTP/1.minor: 0 or 1 */
    bool keep_alive;
    bool chunked;         /* the body is chunked */
    bool expect_continue; /* the client waits for 100 before it sends the body */
    uint64_t length;      /* bytes of the body when it is not chunked */
    struct span field[FIELD_COUNT];
    struct span accept[ACCEPT_MAX];
    int accepts;
    bool close, keep; /* Connection's tokens */
};

enum head_state { HEAD_MORE, HEAD_WHOLE, HEAD_BAD };

/* How far head_find has looked; all zero at the start of a head. Embedded. */
struct head_scan {
    size_t at;   /* bytes looked at: whole lines */
    size_t line; /* where the present line starts */
    uint32_t lines;
};

/* Looks for the empty line that ends a head in p[0..n), which begins where the head does and has
 * only grown since the last call. HEAD_WHOLE: s->at is the head's length. HEAD_BAD: *why says. */
enum head_state head_find(struct head_scan *s, const char *p, size_t n, size_t bytes_max,
                          uint32_t count_max, enum refusal *why) WARN_UNUSED;
/* Proves a whole head and fills *h.  errors: why it is refused; REFUSE_NOTHING when it is good */
enum refusal head_parse(const char *p, size_t n, struct head *h) WARN_UNUSED;

#endif
