/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The n-grams of TfIdfVectorizer as they stand in artifacts: its lists, with the n-grams of each
 * length in strictly rising order, so that a run finds one by halving. The compiler puts them in
 * order; the operator's check proves it. */
#ifndef ROOST_OPS_NGRAMS_H
#define ROOST_OPS_NGRAMS_H

#include "ops/ops_priv.h"

enum { NGRAM_LENGTH_MAX = 32 };

/* A view. */
struct ngrams {
    const struct tensor *pool;    /* int64[P] or string[P]: the tokens, n-gram after n-gram */
    const struct tensor *counts;  /* int64[n]: where those of each length begin in the pool */
    const struct tensor *indexes; /* int64[G]: of each n-gram its column */
    const struct tensor *weights; /* float32[G]; NULL: none */
};

/* The lists go together: the beginnings rise inside the pool, lengths divide what lies between, and
 * there are as many indexes (and weights) as n-grams.  errors: E_CORRUPT */
enum status ngrams_check(const struct ngrams *g, struct err *err) WARN_UNUSED;

/* The n-grams of `length` tokens. Tokens of the k-th: pool[first + k * length ...]; it is n-gram
 * number + k of the lists. */
struct ngram_block {
    int64_t first, number, count;
};
struct ngram_block ngrams_block(const struct ngrams *g, int length);

/* n-gram a against b, both of `length` tokens, by their first tokens' places in the pool. */
int ngrams_order(const struct ngrams *g, int64_t a, int64_t b, int length);

#endif
