/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The one rule by which an answer equals its reference. Elements are compared as doubles where they
 * are floats, as texts where they are strings, and byte by byte where they are neither, so 64-bit
 * integers stay exact. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/verify.h"
#include "tensor/text.h"

/* How far beyond its tolerance an element is: 0 when equal, at most 1 when within. */
static double badness(double got, double want, const struct verify_tolerance *tol)
{
    if (isnan(got) && isnan(want))
        return 0;
    if (isnan(got) || isnan(want) || isinf(got) || isinf(want))
        return got == want ? 0 : INFINITY;
    double difference = fabs(got - want), allowed = tol->atol + tol->rtol * fabs(want);
    if (difference == 0)
        return 0;
    return allowed > 0 ? difference / allowed : INFINITY;
}

static double element_badness(const struct tensor *got, const struct tensor *want, int64_t i,
                              const struct verify_tolerance *tol)
{
    size_t n = dtype_bytes(got->dtype);
    if (got->dtype == DT_STRING)
        return text_same(text_get(got, i), text_get(want, i)) ? 0 : INFINITY;
    if (dtype_is_float(got->dtype))
        return badness(tensor_get_f64(got, i), tensor_get_f64(want, i), tol);
    return memcmp((const char *)got->data + (size_t)i * n, (const char *)want->data + (size_t)i * n,
                  n) == 0
               ? 0
               : INFINITY;
}

/* "[1,3]" for flat index i. */
static void place(const struct tensor *t, int64_t i, char out[64])
{
    int64_t at[TENSOR_RANK_MAX];
    size_t n = 1;
    for (int d = t->rank - 1; d >= 0; d--) {
        at[d] = i % t->dims[d];
        i /= t->dims[d];
    }
    snprintf(out, 64, "[");
    for (int d = 0; d < t->rank && n < 60; d++)
        n += (size_t)snprintf(out + n, 64 - n, "%s%" PRId64, d ? "," : "", at[d]);
    if (n < 63)
        snprintf(out + n, 64 - n, "]");
}

static void value_text(const struct tensor *t, int64_t i, char out[32])
{
    if (t->dtype == DT_STRING) {
        struct text v = text_get(t, i);
        snprintf(out, 32, "'%.*s'", (int)MIN(v.len, 28), v.len ? v.at : "");
        return;
    }
    if (dtype_is_float(t->dtype))
        snprintf(out, 32, "%.9g", tensor_get_f64(t, i));
    else
        snprintf(out, 32, "%" PRId64, tensor_get_i64(t, i));
}

static bool same_type(const struct tensor *got, const struct tensor *want,
                      char words[VERIFY_WORDS_MAX])
{
    char a[TENSOR_TEXT_MAX], b[TENSOR_TEXT_MAX];
    if (got->dtype == want->dtype && shape_same(got, want))
        return true;
    snprintf(words, VERIFY_WORDS_MAX, "got %.100s, expected %.100s", tensor_text(got, a),
             tensor_text(want, b));
    return false;
}

bool verify_equal(const struct tensor *got, const struct tensor *want,
                  const struct verify_tolerance *tol, char words[VERIFY_WORDS_MAX])
{
    if (!same_type(got, want, words))
        return false;
    int64_t count = tensor_count(got), wrong = 0, worst_at = 0;
    double worst = 0;
    for (int64_t i = 0; i < count; i++) {
        double b = element_badness(got, want, i, tol);
        wrong += b > 1;
        if (b > worst) {
            worst = b;
            worst_at = i;
        }
    }
    if (wrong == 0)
        return true;
    char at[64], a[32], b[32];
    place(got, worst_at, at);
    value_text(got, worst_at, a);
    value_text(want, worst_at, b);
    snprintf(words, VERIFY_WORDS_MAX,
             "%" PRId64 " of %" PRId64 " elements differ, worst at %s: got %s, expected %s", wrong,
             count, at, a, b);
    return false;
}
