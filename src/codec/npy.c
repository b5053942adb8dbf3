/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* NumPy's .npy, versions 1.0 to 3.0: a magic, a header that is a Python dict literal of three keys,
 * and the raw elements. Only the literal's fixed grammar is read; nothing is evaluated. source:
 * NumPy, "NEP 1 - A simple file format for NumPy arrays" */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "codec/codec_priv.h"

enum { MAGIC_BYTES = 8, HEADER_MAX = 65536, DESCR_MAX = 8 };
static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* The header's text and what it says. */
struct header {
    const char *p, *end;
    char descr[DESCR_MAX + 1];
    bool fortran, has_descr, has_order, has_shape;
    struct tensor t;
};

static enum status bad(struct err *err, const char *what)
{
    return err_set(err, E_BAD_INPUT, "npy: %s", what);
}

static void blanks(struct header *h)
{
    while (h->p < h->end && (*h->p == ' ' || *h->p == '\n' || *h->p == '\t'))
        h->p++;
}

static bool take(struct header *h, const char *word)
{
    size_t n = strlen(word);
    blanks(h);
    if ((size_t)(h->end - h->p) < n || memcmp(h->p, word, n) != 0)
        return false;
    h->p += n;
    return true;
}

/* A string in single or double quotes, of at most max characters. */
static bool quoted(struct header *h, char *out, size_t max)
{
    blanks(h);
    if (h->p >= h->end || (*h->p != '\'' && *h->p != '"'))
        return false;
    char q = *h->p++;
    size_t n = 0;
    while (h->p < h->end && *h->p != q && n < max)
        out[n++] = *h->p++;
    out[n] = 0;
    return h->p < h->end && *h->p++ == q;
}

static enum status shape(struct header *h, struct err *err)
{
    h->t.rank = 0;
    if (!take(h, "("))
        return bad(err, "shape is not a tuple");
    while (!take(h, ")")) {
        const char *start = (blanks(h), h->p);
        while (h->p < h->end && *h->p >= '0' && *h->p <= '9')
            h->p++;
        if (h->p == start || h->t.rank == TENSOR_RANK_MAX)
            return bad(err, "a shape of at most 8 dimensions was expected");
        if (number_store(DT_I64, start, (size_t)(h->p - start), &h->t.dims[h->t.rank++]) !=
            NUMBER_FINE)
            return bad(err, "a dimension is out of range");
        if (!take(h, ",") && !(h->p < h->end && *h->p == ')'))
            return bad(err, "shape is malformed");
    }
    return OK;
}

static enum status entry(struct header *h, struct err *err)
{
    char key[16];
    if (!quoted(h, key, sizeof(key) - 1) || !take(h, ":"))
        return bad(err, "the header is not a dict of descr, fortran_order and shape");
    if (strcmp(key, "descr") == 0 && !h->has_descr) {
        h->has_descr = true;
        return quoted(h, h->descr, DESCR_MAX) ? OK : bad(err, "structured arrays are not read");
    }
    if (strcmp(key, "fortran_order") == 0 && !h->has_order) {
        h->has_order = true;
        h->fortran = take(h, "True");
        return h->fortran || take(h, "False") ? OK : bad(err, "fortran_order is not a boolean");
    }
    if (strcmp(key, "shape") == 0 && !h->has_shape) {
        h->has_shape = true;
        return shape(h, err);
    }
    return bad(err, "the header has an unknown or repeated key");
}

static enum status read_header(struct header *h, struct err *err)
{
    if (!take(h, "{"))
        return bad(err, "the header is not a dict");
    while (!take(h, "}")) {
        enum status s = entry(h, err);
        if (s != OK)
            return s;
        blanks(h);
        if (!take(h, ",") && !(h->p < h->end && *h->p == '}'))
            return bad(err, "the header is malformed");
    }
    if (!h->has_descr || !h->has_order || !h->has_shape)
        return bad(err, "the header lacks descr, fortran_order or shape");
    return OK;
}

static enum status find_dtype(struct header *h, struct err *err)
{
    static const enum dtype all[] = {
#define X(name, number, bytes, text, v2, npy) name,
        DTYPE_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        const char *d = dtype_npy(all[i]);
        /* one-byte types carry '|', but '<' says the same */
        if (*d && (strcmp(d, h->descr) == 0 ||
                   (*d == '|' && h->descr[0] == '<' && strcmp(d + 1, h->descr + 1) == 0))) {
            h->t.dtype = all[i];
            return OK;
        }
    }
    return err_set(err, E_BAD_INPUT,
                   "npy: dtype '%s' is not read (little-endian numbers are; send strings as JSON)",
                   h->descr);
}

/* Column-major to row-major, one element at a time: the odometer runs over the row-major order. */
static enum status from_fortran(struct tensor *t, const uint8_t *data, uint64_t bytes,
                                struct buf *copy)
{
    size_t size = dtype_bytes(t->dtype);
    int64_t at[TENSOR_RANK_MAX] = {0};
    enum status s = buf_reserve(copy, bytes ? bytes : 1);
    if (s != OK)
        return s;
    for (uint64_t done = 0; done < bytes; done += size) {
        uint64_t from = 0;
        for (int d = t->rank - 1; d >= 0; d--)
            from = from * (uint64_t)t->dims[d] + (uint64_t)at[d];
        memcpy(copy->data + done, data + from * size, size);
        for (int d = t->rank - 1; d >= 0 && ++at[d] == t->dims[d]; d--)
            at[d] = 0;
    }
    copy->len = bytes;
    t->data = copy->data;
    return OK;
}

static enum status locate_header(const uint8_t *b, size_t n, struct header *h, struct err *err)
{
    if (n < MAGIC_BYTES + 4 || memcmp(b, magic, sizeof(magic)) != 0)
        return bad(err, "not an npy file");
    unsigned major = b[6];
    if (major < 1 || major > 3)
        return bad(err, "only versions 1 to 3 are read");
    size_t field = major == 1 ? 2 : 4, len = 0;
    for (size_t i = field; i-- > 0;)
        len = len << 8 | b[MAGIC_BYTES + i];
    size_t start = MAGIC_BYTES + field;
    if (len > HEADER_MAX || !range_inside(start, len, n))
        return bad(err, "the header is longer than the body");
    *h = (struct header){.p = (const char *)b + start, .end = (const char *)b + start + len};
    return OK;
}

enum status npy_read(const void *bytes, size_t n, struct tensor *out, struct buf *copy,
                     struct err *err)
{
    struct header h;
    uint64_t want;
    enum status s = locate_header(bytes, n, &h, err);
    if (s != OK)
        return s;
    const uint8_t *data = (const uint8_t *)h.end;
    if ((s = read_header(&h, err)) != OK || (s = find_dtype(&h, err)) != OK)
        return s;
    size_t have = n - (size_t)(data - (const uint8_t *)bytes);
    if (!tensor_bytes(&h.t, &want) || want != have)
        return err_set(err, E_BAD_INPUT, "npy: %zu bytes of elements came for %s", have,
                       tensor_text(&h.t, (char[TENSOR_TEXT_MAX]){0}));
    *out = h.t;
    if (h.fortran && h.t.rank > 1) {
        s = from_fortran(out, data, want, copy);
    } else if ((uintptr_t)data % dtype_bytes(h.t.dtype)) {
        s = buf_add(copy, data, want);
        out->data = copy->data;
    } else {
        out->data = (void *)(uintptr_t)data;
    }
    return s == OK ? OK : codec_memory_fault(s, "npy", err);
}

enum status npy_write(const struct tensor *t, struct buf *out)
{
    char head[320];
    int n = snprintf(head, sizeof(head), "{'descr': '%s', 'fortran_order': False, 'shape': (",
                     *dtype_npy(t->dtype) ? dtype_npy(t->dtype) : "<V2");
    for (int d = 0; d < t->rank; d++)
        n += snprintf(head + n, sizeof(head) - (size_t)n, "%s%" PRId64 "%s", d ? " " : "",
                      t->dims[d], d + 1 < t->rank || t->rank == 1 ? "," : "");
    n += snprintf(head + n, sizeof(head) - (size_t)n, "), }");
    size_t pad = 63 - (MAGIC_BYTES + 2 + (size_t)n) % 64; /* data begin at a multiple of 64 */
    size_t len = (size_t)n + pad + 1;
    const uint8_t start[MAGIC_BYTES + 2] = {0x93, 'N', 'U', 'M',          'P',
                                            'Y',  1,   0,   (uint8_t)len, (uint8_t)(len >> 8)};
    enum status s = buf_add(out, start, sizeof(start));
    if (s == OK)
        s = buf_printf(out, "%s%*s\n", head, (int)pad, "");
    return s == OK ? buf_add(out, t->data, (size_t)tensor_count(t) * dtype_bytes(t->dtype)) : s;
}
