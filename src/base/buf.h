/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A growable byte buffer with a maximum and, where it is filled from outside, a charge: a function
 * that is asked before the buffer grows and told when it shrinks, so that a budget covers it. */
#ifndef ROOST_BASE_BUF_H
#define ROOST_BASE_BUF_H

#include "base/status.h"

/* delta > 0 asks for bytes (false refuses), delta < 0 gives them back (result ignored). */
typedef bool buf_charge_fn(void *arg, int64_t delta);

/* Embedded; all zero is a valid empty buffer without limit. */
struct buf {
    uint8_t *data;         /* heap, owned; NULL while cap is 0 */
    size_t len;            /* bytes in use */
    size_t cap;            /* bytes held (and charged) */
    size_t max;            /* the most bytes it may hold; 0: no limit */
    buf_charge_fn *charge; /* NULL: not charged */
    void *charge_arg;      /* borrowed; outlives the buffer */
};

void buf_init(struct buf *b, size_t max);
void buf_init_charged(struct buf *b, size_t max, buf_charge_fn *charge, void *arg);
void buf_fini(struct buf *b); /* frees, refunds, leaves an empty buffer with the same limits */

/* errors: E_TOO_LARGE beyond max; E_NO_MEMORY when memory or the charge is refused. On error the
 * contents are as before. */
enum status buf_reserve(struct buf *b, size_t extra) WARN_UNUSED; /* room for extra more bytes */
enum status buf_add(struct buf *b, const void *p, size_t n) WARN_UNUSED;
enum status buf_str(struct buf *b, const char *s) WARN_UNUSED;
enum status buf_char(struct buf *b, char c) WARN_UNUSED;
enum status buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3) WARN_UNUSED;
enum status buf_zeros(struct buf *b, size_t n) WARN_UNUSED;
/* A JSON string with its quotes; invalid UTF-8 becomes U+FFFD. */
enum status buf_json_str(struct buf *b, const char *s, size_t n) WARN_UNUSED;
/* NUL after the last byte (not counted in len), so that data reads as a C string. */
enum status buf_terminate(struct buf *b) WARN_UNUSED;

/* Gives the bytes away: the caller frees *data with alloc_free; the charge is refunded now. */
void buf_take(struct buf *b, uint8_t **data, size_t *len);
/* Moves contents and charge to dst, which must be empty. */
void buf_move(struct buf *dst, struct buf *src);
void buf_clear(struct buf *b); /* len = 0, memory kept */

#endif
