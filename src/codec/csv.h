/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the two halves of the CSV reader share: rows by position (csv.c) and by a header's names
 * (csv_header.c). */
#ifndef ROOST_CODEC_CSV_H
#define ROOST_CODEC_CSV_H

#include "codec/codec_priv.h"

/* One input's share of a row. */
struct column_run {
    struct builder b;
    int64_t columns; /* product of the dims after the first */
};

struct csv {
    const char *p, *end;     /* what is left of the body */
    struct column_run *runs; /* heap; one per input */
    const struct signature *sig;
    int64_t columns; /* of a whole row */
    int64_t rows;    /* read so far */
    /* What a header that names columns says. */
    uint32_t *order;         /* heap; for each field of a row its column, or its input when each
                              * input is one column; NULL: rows by position */
    struct named_rows named; /* in use when the model's columns have names */
};

/* One field as it stands in the body. */
struct cell {
    const char *s;
    size_t n;    /* without the quotes */
    bool quoted; /* then "" in it means one quote */
    bool last;   /* of its row */
};

/* Takes the next field off the body, with what ends it; a row ends at a line break or with the
 * body. */
enum status csv_cell(struct csv *c, struct cell *out, struct err *err) WARN_UNUSED;
/* Without surrounding blanks. */
void csv_trim(struct cell *f);
/* Passes one row and counts its fields. */
enum status csv_pass_row(struct csv *c, int64_t *fields, struct err *err) WARN_UNUSED;
/* One field into the builder. */
enum status csv_field(struct builder *b, struct cell *f, struct err *err) WARN_UNUSED;
/* "row 3: 5 columns, expected 4".  Always E_BAD_INPUT. */
enum status csv_wrong_columns(const struct csv *c, int64_t came, struct err *err) WARN_UNUSED;

/* Reads a header into c->order, which stays NULL when none of its fields names a column of the
 * model: then it is passed over.  errors: E_BAD_INPUT naming a field that is unknown or comes
 * twice, or an input that does not come */
enum status csv_header(struct csv *c, struct err *err) WARN_UNUSED;
/* One row in the header's order. */
enum status csv_named_row(struct csv *c, struct err *err) WARN_UNUSED;

#endif
