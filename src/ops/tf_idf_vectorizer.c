/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* TfIdfVectorizer of integers and strings: for each row how often each n-gram of a pool occurs in
 * it, its tokens next to each other or with a fixed number of others skipped between them. Every
 * start, length and skip is looked up once, so that a row takes time in proportion to its tokens:
 * lengths and skips are bounded.  source: ONNX TfIdfVectorizer-9 */
#include <inttypes.h>
#include <string.h>

#include "ops/ml.h"
#include "ops/ngrams.h"
#include "tensor/text.h"

enum operand { X, COUNTS, INDEXES, POOL_INT64S, POOL_STRINGS, WEIGHTS, OPERANDS };
enum mode { TF, IDF, TFIDF };
enum { SKIP_MAX = 64 };

struct params {
    enum mode mode;
    int32_t shortest, longest,
        skip; /* tokens of an n-gram; the most that are skipped between two */
};

static enum status read_int(const struct op_node *node, enum attr_key k, int64_t least,
                            int64_t most, int32_t *out, struct err *err)
{
    int64_t v;
    enum status s = attr_int(&node->attrs, k, INT64_MIN, &v, err);
    if (s == OK && v < least)
        return err_set(err, E_CORRUPT, "TfIdfVectorizer: %s is missing or below %" PRId64,
                       attr_name(k), least);
    if (s == OK && v > most)
        return err_set(err, E_UNSUPPORTED, "TfIdfVectorizer: %s is %" PRId64 ", at most %" PRId64,
                       attr_name(k), v, most);
    *out = (int32_t)v;
    return s;
}

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    static const char *const modes[] = {"TF", "IDF", "TFIDF", NULL};
    struct params *p = params;
    int mode = 0;
    enum status s = attr_find(&node->attrs, ATTR_mode)
                        ? ml_word(node, ATTR_mode, modes, &mode, err)
                        : err_set(err, E_CORRUPT, "TfIdfVectorizer: it has no mode");
    if (s == OK)
        s = read_int(node, ATTR_max_gram_length, 1, NGRAM_LENGTH_MAX, &p->longest, err);
    if (s == OK)
        s = read_int(node, ATTR_min_gram_length, 1, p->longest, &p->shortest, err);
    if (s == OK)
        s = read_int(node, ATTR_max_skip_count, 0, SKIP_MAX, &p->skip, err);
    p->mode = (enum mode)mode;
    return s;
}

static struct ngrams ngrams_of(const struct tensor *const *in, int n_in)
{
    const struct tensor *texts = op_operand(in, n_in, POOL_STRINGS);
    return (struct ngrams){.pool = texts ? texts : op_operand(in, n_in, POOL_INT64S),
                           .counts = op_operand(in, n_in, COUNTS),
                           .indexes = op_operand(in, n_in, INDEXES),
                           .weights = op_operand(in, n_in, WEIGHTS)};
}

static enum status check(const void *params, int n_in, const struct tensor *const *in,
                         struct err *err)
{
    const struct ngrams g = ngrams_of(in, n_in);
    enum status s = ngrams_check(&g, err);
    UNUSED(params);
    for (int length = 1; s == OK && length <= g.counts->dims[0]; length++) {
        struct ngram_block b = ngrams_block(&g, length);
        for (int64_t k = 1; s == OK && k < b.count; k++) {
            int64_t at = b.first + k * length;
            if (ngrams_order(&g, at - length, at, length) >= 0)
                s = err_set(err, E_CORRUPT,
                            "TfIdfVectorizer: n-gram %" PRId64
                            " of %d tokens is not behind the one "
                            "before it",
                            k, length);
        }
    }
    return s;
}

/* The columns: one more than the greatest index. */
static enum status columns(const struct tensor *indexes, int64_t *out, struct err *err)
{
    *out = 0;
    for (int64_t i = 0; i < tensor_count(indexes); i++) {
        int64_t at = tensor_get_i64(indexes, i);
        if (at < 0 || at >= OP_EXTENT_MAX)
            return err_set(err, E_BAD_INPUT, "TfIdfVectorizer: ngram_indexes has %" PRId64, at);
        *out = MAX(*out, at + 1);
    }
    return OK;
}

static enum status infer(struct op_infer *c, struct err *err)
{
    enum status s = op_operands(c, "TfIdfVectorizer", INDEXES + 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[X];
    const struct ngrams g = ngrams_of(c->in, c->n_in);
    bool integer = x->dtype == DT_I64 || x->dtype == DT_I32;
    if (!integer && x->dtype != DT_STRING)
        return op_no_kernel("TfIdfVectorizer", X, x, err);
    if (!g.pool || g.pool->dtype != (integer ? DT_I64 : DT_STRING))
        return op_bad("TfIdfVectorizer", X, x, "tokens like those of the pool", err);
    if (x->rank != 1 && x->rank != 2)
        return op_bad("TfIdfVectorizer", X, x, "tokens, [C] or [N,C]", err);
    if (g.indexes->dtype != DT_I64 || g.indexes->rank != 1 || !g.indexes->data)
        return op_bad("TfIdfVectorizer", INDEXES, g.indexes, "constant int64 columns", err);
    int64_t dims[2] = {x->dims[0], 0};
    s = columns(g.indexes, &dims[x->rank - 1], err);
    c->scratch_bytes = sizeof(uint32_t) * (uint64_t)tensor_count(g.indexes);
    return s == OK ? op_output(c, 0, "TfIdfVectorizer", DT_F32, x->rank, dims, err) : s;
}

/* ---- the run ---- */

/* Tokens of a row, `step` apart. */
struct tokens {
    const struct tensor *x;
    int64_t at, step;
};

/* The n-gram that begins at `place` of the pool against the tokens. */
static int compare(const struct ngrams *g, int64_t place, const struct tokens *t, int length)
{
    int64_t at = t->at;
    for (int i = 0; i < length; i++, at += t->step) {
        int order;
        if (t->x->dtype == DT_STRING) {
            order = text_order(text_get(g->pool, place + i), text_get(t->x, at));
        } else {
            int64_t a = ((const int64_t *)g->pool->data)[place + i], b = tensor_get_i64(t->x, at);
            order = (a > b) - (a < b);
        }
        if (order)
            return order;
    }
    return 0;
}

static void count(const struct ngrams *g, const struct ngram_block *b, int length,
                  const struct tokens *t, uint32_t *counts)
{
    int64_t low = 0, high = b->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = compare(g, b->first + middle * length, t, length);
        if (order == 0) {
            counts[b->number + middle]++;
            return;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
}

static void count_row(const struct params *p, const struct ngrams *g, const struct tensor *x,
                      int64_t from, int64_t n, uint32_t *counts)
{
    for (int length = p->shortest; length <= p->longest; length++) {
        const struct ngram_block b = ngrams_block(g, length);
        int64_t skips = length == 1 ? 0 : p->skip; /* nothing lies between the tokens of one */
        for (int64_t step = 1; b.count && step <= skips + 1; step++)
            for (int64_t i = 0; i + (length - 1) * step < n; i++) {
                const struct tokens t = {x, from + i, step};
                count(g, &b, length, &t, counts);
            }
    }
}

static void write_row(enum mode mode, const struct ngrams *g, const uint32_t *counts, float *y)
{
    const int64_t *indexes = g->indexes->data;
    const float *weights = g->weights ? g->weights->data : NULL;
    for (int64_t k = 0; k < g->indexes->dims[0]; k++) {
        float times = mode == IDF ? 1.0f : (float)counts[k];
        if (counts[k])
            y[indexes[k]] += times * (mode == TF || !weights ? 1.0f : weights[k]);
    }
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct params *p = c->params;
    const struct tensor *x = c->in[X], *y = c->out[0];
    const struct ngrams g = ngrams_of(c->in, c->n_in);
    const size_t counts_bytes = sizeof(uint32_t) * (size_t)g.indexes->dims[0];
    int64_t n = x->dims[x->rank - 1], rows = x->rank == 2 ? x->dims[0] : 1;
    int64_t width = y->dims[y->rank - 1];
    for (int64_t r = 0; r < rows && width; r++) {
        float *row = (float *)y->data + r * width;
        memset(row, 0, sizeof(*row) * (size_t)width);
        memset(c->scratch, 0, counts_bytes);
        count_row(p, &g, x, r * n, n, c->scratch);
        write_row(p->mode, &g, c->scratch, row);
    }
    return OK;
}

static const enum attr_key consts[] = {ATTR_ngram_counts, ATTR_ngram_indexes, ATTR_pool_int64s,
                                       ATTR_pool_strings, ATTR_weights,       ATTR_NONE};

const struct op op_tf_idf_vectorizer = {
    .domain = "",
    .name = "TfIdfVectorizer",
    .code = OP_CODE_tf_idf_vectorizer,
    .since = {9},
    .types = OP_T(I32) | OP_T(I64),
    .in_min = INDEXES + 1,
    .in_max = OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .const_attrs = consts,
    .prepare = prepare,
    .check = check,
    .infer = infer,
    .run = run,
};
