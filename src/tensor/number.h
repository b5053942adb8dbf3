/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Decimal text <-> one tensor element. Integers are exact and never pass through a double; floats
 * round as a double does (what NumPy and JSON readers do) and print as the shortest text that reads
 * back as the same value. */
#ifndef ROOST_TENSOR_NUMBER_H
#define ROOST_TENSOR_NUMBER_H

#include "tensor/tensor.h"

enum { NUMBER_TEXT_MAX = 1100, NUMBER_OUT_MAX = 40 };

enum number_fault {
    NUMBER_FINE,
    NUMBER_SYNTAX,      /* not a number */
    NUMBER_NOT_INTEGER, /* an integer dtype, and a fraction or an exponent came */
    NUMBER_RANGE,       /* beyond what the dtype holds; finite text that would become infinite */
    NUMBER_TOO_LONG,    /* more than NUMBER_TEXT_MAX characters */
};
const char *number_fault_text(enum number_fault f);

/* Length of the JSON number at s (RFC 8259 grammar), 0 when there is none. */
size_t number_span(const char *s, size_t n);

/* Parses all n characters at s, which number_span has measured, into one element at dst.
 * DT_BOOL takes 0 and 1. */
enum number_fault number_store(enum dtype t, const char *s, size_t n, void *dst) WARN_UNUSED;

/* Stores a double (for NaN and infinities) into a floating dtype. */
void number_store_special(enum dtype t, double v, void *dst);

/* Writes element i of t without NUL; returns the length. *special is set when the value is NaN or
 * infinite: then the text is "NaN", "Infinity" or "-Infinity". */
size_t number_print(const struct tensor *t, int64_t i, char out[NUMBER_OUT_MAX], bool *special);

#endif
