/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Rows whose columns come by name, in any order: a row begins as NaN, because a column that does
 * not come is missing, and each column that comes is written over its own place. For that the end
 * of the builder's data is set to the place, where the formats' own readers then append. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/codec_priv.h"

enum { BITS = 64 };

static size_t seen_words(const struct columns *c)
{
    return (c->count + BITS - 1) / BITS;
}

enum status named_rows_init(struct named_rows *n, struct builder *b, const struct columns *c,
                            struct err *err)
{
    *n = (struct named_rows){.b = b, .columns = c};
    n->seen = alloc_zero(seen_words(c), sizeof(*n->seen));
    if (!n->seen)
        return err_set(err, E_NO_MEMORY, "no memory for the request's columns");
    return builder_dim(b, 1, c->count, err);
}

void named_rows_fini(struct named_rows *n)
{
    alloc_free(n->seen);
    n->seen = NULL;
}

enum status named_row_begin(struct named_rows *n, struct err *err)
{
    struct builder *b = n->b;
    size_t bytes = n->columns->count * b->elem_bytes;
    enum status s = buf_reserve(b->data, bytes);
    if (s != OK)
        return codec_memory_fault(s, b->port->name, err);
    n->row = b->data->len;
    n->next = n->came = 0;
    memset(n->seen, 0, seen_words(n->columns) * sizeof(*n->seen));
    if (dtype_is_float(b->port->dtype))
        for (size_t at = 0; at < bytes; at += b->elem_bytes)
            number_store_special(b->port->dtype, NAN, b->data->data + n->row + at);
    return OK;
}

int64_t named_row_find(struct named_rows *n, const char *name, struct err *err)
{
    int64_t column = columns_find(n->columns, name, n->next);
    if (column < 0)
        err_set(err, E_BAD_INPUT, "the model has no column '%.100s'; its first column is '%.100s'",
                name, columns_name(n->columns, 0));
    else
        n->next = (uint32_t)column + 1;
    return column;
}

enum status named_row_take(struct named_rows *n, uint32_t column, struct err *err)
{
    uint64_t bit = UINT64_C(1) << column % BITS;
    if (n->seen[column / BITS] & bit)
        return err_set(err, E_BAD_INPUT, "column '%.100s' came twice",
                       columns_name(n->columns, column));
    n->seen[column / BITS] |= bit;
    n->came++;
    n->b->data->len = n->row + column * n->b->elem_bytes;
    return OK;
}

enum status named_row_end(struct named_rows *n, struct err *err)
{
    const struct columns *c = n->columns;
    n->b->data->len = n->row + c->count * n->b->elem_bytes;
    if (n->came == c->count || dtype_is_float(n->b->port->dtype))
        return OK;
    uint32_t i = 0;
    while (n->seen[i / BITS] >> i % BITS & 1)
        i++;
    return err_set(err, E_BAD_INPUT, "column '%.100s' is missing", columns_name(c, i));
}
