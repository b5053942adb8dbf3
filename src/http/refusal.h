/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Why the guard answers a request itself, before anything behind it has seen it. The connection is
 * closed after such an answer: where the next request begins is no longer certain. */
#ifndef ROOST_HTTP_REFUSAL_H
#define ROOST_HTTP_REFUSAL_H

#include "base/base.h"

/* name, HTTP code, words for the client (never bytes that came from it) */
#define REFUSAL_TABLE(X)                                                                           \
    X(REFUSE_LINE, 400, "the request line is not METHOD TARGET HTTP/1.1")                          \
    X(REFUSE_LINE_END, 400, "lines end with CR LF; a bare CR or LF is refused")                    \
    X(REFUSE_TARGET, 400, "the request target must be a path in origin form")                      \
    X(REFUSE_METHOD, 501, "the method is not implemented")                                         \
    X(REFUSE_VERSION, 505, "only HTTP/1.1 and HTTP/1.0 are spoken")                                \
    X(REFUSE_FIELD, 400, "a header field is malformed")                                            \
    X(REFUSE_FOLD, 400, "a header field continues on another line")                                \
    X(REFUSE_TWICE, 400, "a header field that may stand once stands twice")                        \
    X(REFUSE_HOST, 400, "HTTP/1.1 needs one Host header field")                                    \
    X(REFUSE_LENGTH, 400, "Content-Length must be one decimal number")                             \
    X(REFUSE_BOTH, 400, "Content-Length and Transfer-Encoding exclude each other")                 \
    X(REFUSE_CODING, 501, "the only Transfer-Encoding is chunked")                                 \
    X(REFUSE_CODING_10, 400, "HTTP/1.0 has no Transfer-Encoding")                                  \
    X(REFUSE_EXPECT, 417, "the only expectation that can be met is 100-continue")                  \
    X(REFUSE_HEAD_BYTES, 431, "the request head is larger than the limit")                         \
    X(REFUSE_HEAD_COUNT, 431, "the request has more header fields than the limit")                 \
    X(REFUSE_HEAD_SLOW, 408, "the request head took longer than the limit")                        \
    X(REFUSE_BODY_SLOW, 408, "the request body came slower than the limit")                        \
    X(REFUSE_BODY_BYTES, 413, "the request body is larger than the limit")                         \
    X(REFUSE_UPLOAD_BYTES, 413, "the upload is larger than the node's limit, --publish-max")       \
    X(REFUSE_TENANT_BYTES, 413, "the upload is larger than the limit of its tenant, publish-max")  \
    X(REFUSE_SHORT, 400, "the connection ended before the request did")                            \
    X(REFUSE_CHUNK, 400, "the chunked body is malformed")                                          \
    X(REFUSE_MEMORY, 503, "no memory for the request just now")                                    \
    X(REFUSE_DRAINING, 503, "the server is draining")                                              \
    X(REFUSE_HOST_NAME, 403, "management is not served under this Host")                           \
    X(REFUSE_ORIGIN, 403, "management is not served to other origins")

enum refusal {
    REFUSE_NOTHING,
#define X(name, code, text) name,
    REFUSAL_TABLE(X)
#undef X
        REFUSAL_COUNT
};

int refusal_code(enum refusal r);
const char *refusal_text(enum refusal r);

#endif
