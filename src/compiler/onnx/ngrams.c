/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Puts the n-grams of a TfIdfVectorizer in order (ops/ngrams.h): a copy of the pool, and with it
 * the columns and weights, which go by place. Equal n-grams are refused: a run would find one of
 * them. */
#include "ops/ngrams.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/onnx/onnx_priv.h"

struct sorting {
    struct onnx_reader *r;
    struct ngrams from;
    struct tensor *pool, *indexes, *weights; /* of the graph; data are replaced */
    struct err *err;
};

/* One n-gram of the block that is being sorted. */
struct gram {
    const struct ngrams *all;
    int64_t at, number; /* its first token in the pool; its place in the lists */
    int length;
};

static int by_tokens(const void *a, const void *b)
{
    const struct gram *x = a, *y = b;
    return ngrams_order(x->all, x->at, y->at, x->length);
}

static void copy(const struct tensor *from, int64_t i, struct tensor *to, int64_t k, int64_t n)
{
    size_t width = dtype_bytes(to->dtype);
    memcpy((uint8_t *)to->data + (size_t)k * width, (const uint8_t *)from->data + (size_t)i * width,
           (size_t)n * width);
}

static enum status sort_block(struct sorting *s, int length)
{
    const struct ngram_block b = ngrams_block(&s->from, length);
    struct gram *all = graph_alloc(s->r->g, (size_t)b.count * sizeof(*all));
    if (!all)
        return reader_no_memory(s->err);
    for (int64_t k = 0; k < b.count; k++)
        all[k] = (struct gram){&s->from, b.first + k * length, b.number + k, length};
    if (b.count)
        qsort(all, (size_t)b.count, sizeof(*all), by_tokens);
    for (int64_t k = 0; k < b.count; k++) {
        if (k && by_tokens(&all[k - 1], &all[k]) == 0)
            return err_set(s->err, E_UNSUPPORTED, "its pool holds one n-gram of %d tokens twice",
                           length);
        copy(s->from.pool, all[k].at, s->pool, b.first + k * length, length);
        copy(s->from.indexes, all[k].number, s->indexes, b.number + k, 1);
        if (s->weights)
            copy(s->from.weights, all[k].number, s->weights, b.number + k, 1);
    }
    return OK;
}

/* Gives a list of the graph memory of its own, its old bytes first. */
static enum status own(struct sorting *s, struct tensor *t)
{
    uint64_t bytes;
    if (!tensor_bytes(t, &bytes))
        return err_set(s->err, E_CORRUPT, "its lists have no size");
    void *p = graph_alloc(s->r->g, bytes);
    if (!p)
        return reader_no_memory(s->err);
    if (bytes)
        memcpy(p, t->data, bytes);
    t->data = p;
    return OK;
}

/* A list that the node has, aligned; NULL when it has none. */
static enum status list(struct onnx_reader *r, const struct op *op, const int32_t *consts,
                        enum attr_key key, struct tensor **out)
{
    for (int i = 0; op->const_attrs[i] != ATTR_NONE; i++)
        if (op->const_attrs[i] == key && consts[i] != ARTIFACT_NO_TENSOR) {
            *out = &r->g->values[consts[i]].t;
            return graph_settle(r->g, consts[i]);
        }
    return OK;
}

enum status onnx_ngrams_sort(struct onnx_reader *r, const struct op *op, const int32_t *consts,
                             struct err *err)
{
    struct sorting s = {.r = r, .err = err};
    struct tensor old[3];
    struct tensor *counts = NULL;
    const struct {
        enum attr_key key;
        struct tensor **out;
    } lists[] = {{ATTR_ngram_counts, &counts},
                 {ATTR_pool_int64s, &s.pool},
                 {ATTR_pool_strings, &s.pool},
                 {ATTR_ngram_indexes, &s.indexes},
                 {ATTR_weights, &s.weights}};
    for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
        if (list(r, op, consts, lists[i].key, lists[i].out) != OK)
            return reader_no_memory(err);
    s.from = (struct ngrams){s.pool, counts, s.indexes, s.weights};
    enum status st = ngrams_check(&s.from, err);
    if (st != OK)
        return st;
    old[0] = *s.pool;
    old[1] = *s.indexes;
    old[2] = s.weights ? *s.weights : (struct tensor){0};
    s.from = (struct ngrams){&old[0], counts, &old[1], s.weights ? &old[2] : NULL};
    st = own(&s, s.pool);
    if (st == OK)
        st = own(&s, s.indexes);
    if (st == OK && s.weights)
        st = own(&s, s.weights);
    for (int length = 1; st == OK && length <= counts->dims[0]; length++)
        st = sort_block(&s, length);
    return st;
}
