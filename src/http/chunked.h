/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The chunked decoder: strict, byte by byte, in constant memory. Pure. Chunk extensions and
 * trailers are checked, bounded and passed over. source: RFC 9112 7.1 */
#ifndef ROOST_HTTP_CHUNKED_H
#define ROOST_HTTP_CHUNKED_H

#include "base/base.h"

enum {
    CHUNK_LINE_MAX = 256,     /* bytes of a size line with its extensions */
    CHUNK_TRAILER_MAX = 8192, /* bytes of all trailer lines */
    CHUNK_DIGITS_MAX = 12,    /* hexadecimal digits of a size, zeros in front included */
};

enum chunk_step {
    CHUNK_MORE,      /* all bytes are used; the body goes on */
    CHUNK_DATA,      /* *data bytes of the body stand behind the *used ones */
    CHUNK_END,       /* the body is whole */
    CHUNK_BAD,       /* not a chunked body */
    CHUNK_TOO_LARGE, /* the announced bytes pass the limit */
};

/* Embedded; chunked_init. */
struct chunked {
    int state;
    uint64_t left;    /* data bytes of this chunk still to come */
    uint64_t size;    /* of the chunk whose line is being read */
    uint64_t total;   /* data bytes announced so far, all chunks */
    uint64_t max;     /* the most they may be */
    uint32_t digits;  /* of this size so far */
    uint32_t line;    /* bytes of this line so far */
    uint32_t trailer; /* bytes of trailers so far */
};

void chunked_init(struct chunked *d, uint64_t max);
/* Reads p[0..n). On CHUNK_DATA the caller takes *data bytes behind the *used ones and goes on
 * behind both; on the others it goes on (or stops) behind *used. */
enum chunk_step chunked_next(struct chunked *d, const char *p, size_t n, size_t *used,
                             size_t *data) WARN_UNUSED;

#endif
