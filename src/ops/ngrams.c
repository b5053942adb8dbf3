/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Lists of n-grams; see ngrams.h.  source: ONNX TfIdfVectorizer-9 */
#include "ops/ngrams.h"

#include <inttypes.h>

#include "tensor/text.h"

static bool vector(const struct tensor *t, enum dtype dtype)
{
    return t && t->data && t->dtype == dtype && t->rank == 1;
}

static enum status check_lists(const struct ngrams *g, struct err *err)
{
    const char *bad = !vector(g->pool, DT_I64) && !vector(g->pool, DT_STRING) ? "pool"
                      : !vector(g->counts, DT_I64)                            ? "ngram_counts"
                      : !vector(g->indexes, DT_I64)                           ? "ngram_indexes"
                      : g->weights && !vector(g->weights, DT_F32)             ? "weights"
                                                                              : NULL;
    if (bad)
        return err_set(err, E_CORRUPT, "TfIdfVectorizer: its %s is missing, or no constant list",
                       bad);
    if (g->counts->dims[0] > NGRAM_LENGTH_MAX)
        return err_set(err, E_UNSUPPORTED,
                       "TfIdfVectorizer: n-grams of %" PRId64 " tokens, at most %d",
                       g->counts->dims[0], NGRAM_LENGTH_MAX);
    return OK;
}

/* Where the n-grams of a length begin in the pool, and those of the next one. */
static void bounds(const struct ngrams *g, int length, int64_t *from, int64_t *to)
{
    const int64_t *counts = g->counts->data;
    int64_t n = g->counts->dims[0], end = g->pool->dims[0];
    *from = length <= n ? counts[length - 1] : end;
    *to = length < n ? counts[length] : end;
}

enum status ngrams_check(const struct ngrams *g, struct err *err)
{
    enum status s = check_lists(g, err);
    int64_t before = 0, total = 0, from, to;
    if (s != OK)
        return s;
    for (int length = 1; length <= g->counts->dims[0]; length++) {
        bounds(g, length, &from, &to);
        if (from < before || to < from || to > g->pool->dims[0] || (to - from) % length)
            return err_set(err, E_CORRUPT,
                           "TfIdfVectorizer: n-grams of %d tokens from %" PRId64 " to %" PRId64
                           " of a pool of %" PRId64,
                           length, from, to, g->pool->dims[0]);
        before = from;
        total += (to - from) / length;
    }
    if (total != g->indexes->dims[0] || (g->weights && g->weights->dims[0] != total))
        return err_set(err, E_CORRUPT,
                       "TfIdfVectorizer: %" PRId64 " n-grams, %" PRId64
                       " indexes, expected one (and one weight) for each",
                       total, g->indexes->dims[0]);
    return OK;
}

struct ngram_block ngrams_block(const struct ngrams *g, int length)
{
    struct ngram_block b = {0};
    int64_t from, to;
    for (int n = 1; n < length; n++) {
        bounds(g, n, &from, &to);
        b.number += (to - from) / n;
    }
    bounds(g, length, &b.first, &to);
    b.count = (to - b.first) / length;
    return b;
}

int ngrams_order(const struct ngrams *g, int64_t a, int64_t b, int length)
{
    for (int i = 0; i < length; i++) {
        int order;
        if (g->pool->dtype == DT_STRING) {
            order = text_order(text_get(g->pool, a + i), text_get(g->pool, b + i));
        } else {
            int64_t x = tensor_get_i64(g->pool, a + i), y = tensor_get_i64(g->pool, b + i);
            order = (x > y) - (x < y);
        }
        if (order)
            return order;
    }
    return 0;
}
