/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The element of DT_STRING: a view of UTF-8 without NUL. Whoever lets bytes in from outside proves
 * that with text_valid; behind it nobody looks again. Operators that only move elements copy the
 * view; the text stays where it came in (request, program) or was made (a run's arena). All zero is
 * the empty text, so that zeroed memory holds valid elements. */
#ifndef ROOST_TENSOR_TEXT_H
#define ROOST_TENSOR_TEXT_H

#include "tensor/tensor.h"

struct text {
    const char *at; /* borrowed; not terminated; may be NULL when len is 0 */
    uint64_t len;   /* bytes */
};

_Static_assert(sizeof(struct text) == 16, "as DTYPE_TABLE says");

/* Are these n bytes UTF-8 without NUL? */
bool text_valid(const char *s, uint64_t n);

bool text_same(struct text a, struct text b);
/* By bytes, which is by code points: below 0, 0, above 0. */
int text_order(struct text a, struct text b);

/* Element i of a string tensor. */
static inline struct text text_get(const struct tensor *t, int64_t i)
{
    return ((const struct text *)t->data)[i];
}

/* Bytes of all texts of a string tensor; false on overflow of 63 bits. */
bool text_bytes(const struct tensor *t, uint64_t *bytes) WARN_UNUSED;

#endif
