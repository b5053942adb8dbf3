/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Repeated strings. Each takes at least two bytes of the file, so that elements never need more
 * than eight bytes per byte in it. */
#include <inttypes.h>

#include "compiler/onnx/onnx_priv.h"
#include "tensor/text.h"

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
