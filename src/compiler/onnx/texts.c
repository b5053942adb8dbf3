/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Repeated strings, and stop words in the order that their operator wants. Each takes at least two
 * bytes of the file, so that elements never need more than eight bytes per byte in it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/onnx/onnx_priv.h"
#include "ops/text_case.h"

static enum status count(struct wire w, uint32_t number, uint64_t *n, struct err *err)
{
    struct field f;
    enum status s;
    *n = 0;
    while (wire_next(&w, &f, &s, err)) {
        if (f.number != number)
            continue;
        s = wire_want(&w, &f, WIRE_BYTES, "a string", err);
        if (s != OK)
            return s;
        if (!text_valid((const char *)f.bytes.p, f.bytes.n))
            return err_set(err, E_CORRUPT, "string %" PRIu64 " is not UTF-8, or holds a NUL", *n);
        ++*n;
    }
    return s;
}

enum status onnx_texts(struct onnx_reader *r, struct wire w, uint32_t number, struct tensor *out,
                       struct err *err)
{
    uint64_t n, i = 0;
    struct wire again = w;
    struct field f;
    enum status s = count(w, number, &n, err);
    if (s != OK)
        return s;
    if (n > ONNX_LIST_MAX)
        return err_set(err, E_UNSUPPORTED, "it has %" PRIu64 " strings, at most %d", n,
                       ONNX_LIST_MAX);
    struct text *all = graph_alloc(r->g, n * sizeof(*all));
    if (!all)
        return reader_no_memory(err);
    while (wire_next(&again, &f, &s, err))
        if (f.number == number)
            all[i++] = (struct text){f.bytes.n ? (const char *)f.bytes.p : NULL, f.bytes.n};
    *out = (struct tensor){.dtype = DT_STRING, .rank = 1, .dims = {(int64_t)n}};
    out->data = all;
    return s;
}

static int by_bytes(const void *a, const void *b)
{
    return text_order(*(const struct text *)a, *(const struct text *)b);
}

/* Words that differ in case only keep one order, whatever qsort does. */
static int by_letters(const void *a, const void *b)
{
    int order = text_case_order(*(const struct text *)a, *(const struct text *)b);
    return order ? order : by_bytes(a, b);
}

void onnx_stopwords_sort(struct tensor *words, bool sensitive)
{
    if (words->dtype == DT_STRING && words->rank == 1 && words->dims[0] > 1)
        qsort(words->data, (size_t)words->dims[0], sizeof(struct text),
              sensitive ? by_bytes : by_letters);
}
