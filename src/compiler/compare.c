/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How far answers of low precision are from those of float32. Floats differ by so much; a row of a
 * matrix of floats agrees when its first greatest element is the same one; elements of other
 * dtypes, labels as a rule, are rows of their own and agree when they are equal. */
#include <math.h>
#include <string.h>

#include "compiler/precision.h"
#include "tensor/text.h"

static double difference(double want, double got)
{
    if (isnan(want) && isnan(got))
        return 0;
    if (want == got) /* infinities too */
        return 0;
    double d = fabs(want - got);
    return isfinite(d) ? d : INFINITY;
}

static void add_floats(struct comparison *c, const struct tensor *want, const struct tensor *got)
{
    for (int64_t i = 0; i < tensor_count(want); i++) {
        const double w = tensor_get_f64(want, i), d = difference(w, tensor_get_f64(got, i));
        c->worst = d > c->worst ? d : c->worst;
        c->sum += d;
        c->count++;
        if (isfinite(w))
            c->largest = fabs(w) > c->largest ? fabs(w) : c->largest;
    }
}

static int64_t top(const struct tensor *t, int64_t row, int64_t n)
{
    int64_t best = 0;
    for (int64_t k = 1; k < n; k++)
        if (tensor_get_f64(t, row * n + k) > tensor_get_f64(t, row * n + best))
            best = k;
    return best;
}

static void add_rows(struct comparison *c, const struct tensor *want, const struct tensor *got)
{
    const int64_t n = want->rank == 2 ? want->dims[1] : 0;
    for (int64_t i = 0; n > 1 && i < want->dims[0]; i++) {
        c->rows++;
        c->agreed += top(want, i, n) == top(got, i, n);
    }
}

static bool same_element(const struct tensor *a, const struct tensor *b, int64_t i)
{
    const size_t n = dtype_bytes(a->dtype), at = (size_t)i * n;
    if (a->dtype == DT_STRING)
        return text_same(text_get(a, i), text_get(b, i));
    return memcmp((const uint8_t *)a->data + at, (const uint8_t *)b->data + at, n) == 0;
}

void comparison_add(struct comparison *c, const struct tensor *want, const struct tensor *got)
{
    if (want->dtype != got->dtype || !shape_same(want, got)) {
        c->worst = c->sum = INFINITY; /* a shape that hangs on values came out otherwise */
        c->count++;
        return;
    }
    if (dtype_is_float(want->dtype)) {
        add_floats(c, want, got);
        add_rows(c, want, got);
        return;
    }
    for (int64_t i = 0; i < tensor_count(want); i++) {
        c->rows++;
        c->agreed += same_element(want, got, i);
    }
}
