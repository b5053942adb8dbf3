/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the formats share: one input under construction, and the doors of each format. */
#ifndef ROOST_CODEC_CODEC_PRIV_H
#define ROOST_CODEC_CODEC_PRIV_H

#include "codec/codec.h"
#include "codec/json.h"
#include "tensor/number.h"

/* One input while its elements arrive in row-major order. Embedded. */
struct builder {
    const struct port *port;     /* what the signature wants */
    struct tensor *t;            /* the request's; its dims are filled as they become known */
    struct buf *data;            /* the request's */
    struct buf *texts;           /* the request's; while they grow, struct text.at is an offset */
    bool known[TENSOR_RANK_MAX]; /* which of t->dims are settled */
    size_t elem_bytes;
};

/* Starts input `index` of the signature: dtype and rank set, no dim known. */
void builder_init(struct builder *b, const struct signature *sig, struct codec_request *r,
                  int index);
/* Settles dim d, or compares it with what it was settled to and with the port's fixed dim.
 * errors: E_BAD_INPUT naming the input, what came and what was expected */
enum status builder_dim(struct builder *b, int d, int64_t extent, struct err *err) WARN_UNUSED;
/* Room for one more element at *dst; the caller fills it and then counts it with data->len. */
enum status builder_room(struct builder *b, void **dst, struct err *err) WARN_UNUSED;
/* One element from the text of a number. */
enum status builder_number(struct builder *b, const char *s, size_t n, struct err *err) WARN_UNUSED;
/* NaN or an infinity; E_BAD_INPUT when the dtype has none. */
enum status builder_special(struct builder *b, double v, struct err *err) WARN_UNUSED;
/* One element of a string input: the texts behind offset `from` of b->texts. E_BAD_INPUT when they
 * are not UTF-8, hold a NUL, or the dtype is no string. */
enum status builder_text(struct builder *b, size_t from, struct err *err) WARN_UNUSED;
/* All dims are known and their product is what was stored; data is hung into the tensor. */
enum status builder_finish(struct builder *b, struct err *err) WARN_UNUSED;

/* Rows of an input whose columns have names (named.c). Embedded. */
struct named_rows {
    struct builder *b;             /* borrowed */
    const struct columns *columns; /* of the signature */
    uint64_t *seen;                /* heap; a bit per column: did it come in this row? */
    size_t row;                    /* where the row under way begins in the builder's data */
    uint32_t next;                 /* the column after the last one that was named */
    uint32_t came;                 /* columns of this row so far */
};
enum status named_rows_init(struct named_rows *n, struct builder *b, const struct columns *c,
                            struct err *err) WARN_UNUSED;
void named_rows_fini(struct named_rows *n);
/* Room for one more row, all of it missing. */
enum status named_row_begin(struct named_rows *n, struct err *err) WARN_UNUSED;
/* The column of that name; -1, with E_BAD_INPUT in err, when there is none. */
int64_t named_row_find(struct named_rows *n, const char *name, struct err *err) WARN_UNUSED;
/* The next element that goes into the builder is that column's.  errors: E_BAD_INPUT: it came */
enum status named_row_take(struct named_rows *n, uint32_t column, struct err *err) WARN_UNUSED;
/* errors: E_BAD_INPUT when a column is missing and the dtype has nothing to say so */
enum status named_row_end(struct named_rows *n, struct err *err) WARN_UNUSED;

/* A fault of memory while input `name` was stored: E_TOO_LARGE or E_NO_MEMORY, with words. */
enum status codec_memory_fault(enum status s, const char *name, struct err *err);

int codec_find_port(const struct port *ports, int n, const char *name); /* -1 when absent */
bool codec_wants(const struct codec_request *r, int output);

enum status json_decode(const void *body, size_t n, const struct signature *sig,
                        struct codec_request *r, struct err *err) WARN_UNUSED;
/* {"inputs": [{"name", …}]}: j stands before the array. */
enum status json_v2_inputs(struct json *j, const struct signature *sig, struct codec_request *r,
                           struct err *err) WARN_UNUSED;
enum status json_v2_outputs(struct json *j, const struct signature *sig, struct codec_request *r,
                            struct err *err) WARN_UNUSED;
/* One value nested `levels` deep from dim d on into b. */
enum status json_nested(struct json *j, struct builder *b, int d, struct err *err) WARN_UNUSED;
/* One scalar into b. */
enum status json_element(struct json *j, struct builder *b, struct err *err) WARN_UNUSED;

enum status json_encode(const struct signature *sig, const struct tensor *outputs,
                        const struct codec_request *r, const struct codec_options *o,
                        struct buf *out, struct err *err) WARN_UNUSED;

enum status csv_decode(const void *body, size_t n, const struct signature *sig,
                       const struct codec_options *o, struct codec_request *r,
                       struct err *err) WARN_UNUSED;
enum status csv_encode(const struct signature *sig, const struct tensor *outputs, struct buf *out,
                       struct err *err) WARN_UNUSED;

#endif
