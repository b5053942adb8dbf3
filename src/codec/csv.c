/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* CSV: one row an instance, no header unless the caller says so. Columns fill the inputs in
 * signature order, row-major, or as a header names them (csv_header.c); an empty field is NaN for a
 * floating input. A field may stand in double quotes, and then hold commas, line breaks and,
 * doubled, quotes.  source: RFC 4180 */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "codec/csv.h"
#include "tensor/text.h"

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Moves past a quoted field, whose opening quote stands at p. */
static const char *quoted_cell(const struct csv *c, const char *p, struct cell *out)
{
    out->s = ++p;
    out->quoted = true;
    for (;; p += 2) {
        p = memchr(p, '"', (size_t)(c->end - p));
        if (!p)
            return NULL;
        if (p + 1 == c->end || p[1] != '"')
            break;
    }
    out->n = (size_t)(p++ - out->s);
    while (p < c->end && blank(*p))
        p++;
    return p;
}

enum status csv_cell(struct csv *c, struct cell *out, struct err *err)
{
    const char *p = c->p;
    while (p < c->end && blank(*p))
        p++;
    *out = (struct cell){.s = c->p};
    if (p < c->end && *p == '"') {
        if (!(p = quoted_cell(c, p, out)))
            return err_set(err, E_BAD_INPUT, "its quote is not closed");
        if (p + 1 < c->end && p[0] == '\r' && p[1] == '\n')
            p++;
        if (p < c->end && *p != ',' && *p != '\n' && !(*p == '\r' && p + 1 == c->end))
            return err_set(err, E_BAD_INPUT, "something follows its closing quote");
    } else {
        while (p < c->end && *p != ',' && *p != '\n')
            p++;
        bool ends_row = p == c->end || *p == '\n';
        out->n = (size_t)(p - out->s);
        if (ends_row && out->n && p[-1] == '\r')
            out->n--;
    }
    out->last = p >= c->end || *p != ',';
    c->p = p < c->end ? p + 1 : p;
    return OK;
}

void csv_trim(struct cell *f)
{
    while (f->n && blank(*f->s)) {
        f->s++;
        f->n--;
    }
    while (f->n && blank(f->s[f->n - 1]))
        f->n--;
}

/* "nan", "inf", "-Infinity" as NumPy and pandas write them. */
static bool special(const char *s, size_t n, double *v)
{
    static const struct {
        const char *text;
        double v;
    } words[] = {{"nan", NAN},
                 {"inf", INFINITY},
                 {"-inf", -INFINITY},
                 {"infinity", INFINITY},
                 {"-infinity", -INFINITY}};
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        if (strlen(words[i].text) == n && strncasecmp(words[i].text, s, n) == 0) {
            *v = words[i].v;
            return true;
        }
    return false;
}

/* A string is taken as it stands, blanks and all. */
static enum status text(struct builder *b, const struct cell *f, struct err *err)
{
    const char *p = f->s, *end = f->s + f->n;
    const size_t from = b->texts->len;
    enum status s = OK;
    while (s == OK && p < end) {
        const char *quote = f->quoted ? memchr(p, '"', (size_t)(end - p)) : NULL;
        const char *stop = quote ? quote + 1 : end;
        s = buf_add(b->texts, p, (size_t)(stop - p));
        p = quote ? quote + 2 : end;
    }
    return s == OK ? builder_text(b, from, err) : codec_memory_fault(s, b->port->name, err);
}

enum status csv_field(struct builder *b, struct cell *f, struct err *err)
{
    double v;
    if (b->t->dtype == DT_STRING)
        return text(b, f, err);
    csv_trim(f);
    const char *s = f->s;
    size_t n = f->n;
    if (n == 0)
        return builder_special(b, NAN, err);
    if (b->t->dtype == DT_BOOL && (n == 4 || n == 5)) {
        if (n == 4 && strncasecmp(s, "true", 4) == 0)
            return builder_number(b, "1", 1, err);
        if (n == 5 && strncasecmp(s, "false", 5) == 0)
            return builder_number(b, "0", 1, err);
    }
    if (special(s, n, &v))
        return builder_special(b, v, err);
    if (*s == '+') {
        s++;
        n--;
    }
    if (n == 0 || number_span(s, n) != n)
        return err_set(err, E_BAD_INPUT, "input '%s': '%.*s' is not a number", b->port->name,
                       (int)MIN(n, (size_t)40), s);
    return builder_number(b, s, n, err);
}

enum status csv_wrong_columns(const struct csv *c, int64_t came, struct err *err)
{
    return err_set(err, E_BAD_INPUT, "row %" PRId64 ": %s%" PRId64 " columns, expected %" PRId64,
                   c->rows + 1, came > c->columns ? "more than " : "",
                   came > c->columns ? c->columns : came, c->columns);
}

static enum status row(struct csv *c, struct err *err)
{
    struct cell f = {.last = false};
    int64_t came = 0;
    for (int i = 0; i < c->sig->n_inputs; i++)
        for (int64_t k = 0; k < c->runs[i].columns; k++) {
            if (f.last)
                return csv_wrong_columns(c, came, err);
            enum status s = csv_cell(c, &f, err);
            if (s == OK)
                s = csv_field(&c->runs[i].b, &f, err);
            if (s != OK)
                return err_prefix(err, "row %" PRId64 ", column %" PRId64, c->rows + 1, came + 1);
            came++;
        }
    if (!f.last)
        return csv_wrong_columns(c, came + 1, err);
    c->rows++;
    return OK;
}

enum status csv_pass_row(struct csv *c, int64_t *fields, struct err *err)
{
    struct cell f;
    enum status s;
    *fields = 0;
    do {
        s = csv_cell(c, &f, err);
        ++*fields;
    } while (s == OK && !f.last);
    return s == OK ? OK : err_prefix(err, "row 1, column %" PRId64, *fields);
}

/* A single input with one free dim after the first takes as many columns as the first row has. */
static enum status free_columns(struct column_run *run, int64_t known, int d, int64_t fields,
                                struct err *err)
{
    if (known == 0 || fields % known)
        return err_set(err, E_BAD_INPUT,
                       "input '%s': %" PRId64 " columns do not divide by %" PRId64,
                       run->b.port->name, fields, known);
    run->columns = fields;
    return builder_dim(&run->b, d, fields / known, err);
}

/* How many columns an input takes, and its dims after the first. */
static enum status measure(struct csv *c, int i, int64_t fields, struct err *err)
{
    struct column_run *run = &c->runs[i];
    const struct port *port = run->b.port;
    uint64_t known = 1;
    int open = -1;
    for (int d = 1; d < port->rank; d++) {
        if (port->dims[d] < 0 && (open >= 0 || c->sig->n_inputs > 1))
            return err_set(err, E_BAD_INPUT,
                           "input '%s': CSV cannot tell its free dimensions: send JSON",
                           port->name);
        if (port->dims[d] < 0) {
            open = d;
            continue;
        }
        enum status s = builder_dim(&run->b, d, port->dims[d], err);
        if (s != OK)
            return s;
        if (!checked_mul(known, (uint64_t)port->dims[d], &known) || known > INT32_MAX)
            return err_set(err, E_BAD_INPUT, "input '%s': too many columns for CSV", port->name);
    }
    if (open >= 0)
        return free_columns(run, (int64_t)known, open, fields, err);
    run->columns = (int64_t)known;
    return OK;
}

static enum status layout(struct csv *c, struct codec_request *r, int64_t fields, struct err *err)
{
    for (int i = 0; i < c->sig->n_inputs; i++) {
        builder_init(&c->runs[i].b, c->sig, r, i);
        enum status s = measure(c, i, fields, err);
        if (s != OK)
            return s;
        c->columns += c->order ? 0 : c->runs[i].columns;
    }
    return OK;
}

static enum status finish(struct csv *c, struct err *err)
{
    for (int i = 0; i < c->sig->n_inputs; i++) {
        struct builder *b = &c->runs[i].b;
        enum status s = OK;
        if (b->port->rank > 0)
            s = builder_dim(b, 0, c->rows, err);
        else if (c->rows != 1)
            s = err_set(err, E_BAD_INPUT, "input '%s' is a scalar: %" PRId64 " rows, expected 1",
                        b->port->name, c->rows);
        if (s == OK)
            s = builder_finish(b, err);
        if (s != OK)
            return s;
    }
    return OK;
}

/* Measures the inputs by the first row; a header that names columns says how many there are. */
static enum status begin_rows(struct csv *c, struct codec_request *r, struct err *err)
{
    const struct columns *columns = &c->sig->columns;
    struct csv ahead = *c;
    int64_t fields;
    enum status s = csv_pass_row(&ahead, &fields, err);
    if (s == OK)
        s = layout(c, r, fields, err);
    if (s == OK && c->order && columns->count)
        s = named_rows_init(&c->named, &c->runs[0].b, columns, err);
    return s;
}

static enum status read_rows(struct csv *c, struct codec_request *r, bool header, struct err *err)
{
    enum status s = OK;
    if (header && c->p >= c->end)
        return err_set(err, E_BAD_INPUT, "header=present, and no line came");
    if (header && (s = csv_header(c, err)) != OK)
        return err_prefix(err, "the header");
    if (c->p >= c->end)
        return err_set(err, E_BAD_INPUT, "no rows came");
    s = begin_rows(c, r, err);
    while (s == OK && c->p < c->end)
        s = c->order ? csv_named_row(c, err) : row(c, err);
    return s == OK ? finish(c, err) : s;
}

enum status csv_decode(const void *body, size_t n, const struct signature *sig,
                       const struct codec_options *o, struct codec_request *r, struct err *err)
{
    struct csv c = {.p = body, .end = (const char *)body + n, .sig = sig};
    c.runs = alloc_zero((size_t)sig->n_inputs, sizeof(*c.runs));
    if (!c.runs)
        return err_set(err, E_NO_MEMORY, "no memory for the request's inputs");
    enum status s = read_rows(&c, r, o->csv_header, err);
    named_rows_fini(&c.named);
    alloc_free(c.order);
    alloc_free(c.runs);
    return s;
}

/* In quotes where a reader could take it for something else: also when it is empty. */
static enum status write_text(struct text v, struct buf *out)
{
    bool quote = !v.len || blank(v.at[0]) || blank(v.at[v.len - 1]);
    for (uint64_t i = 0; i < v.len && !quote; i++)
        quote = v.at[i] == ',' || v.at[i] == '"' || v.at[i] == '\n' || v.at[i] == '\r';
    if (!quote)
        return buf_add(out, v.at, v.len);
    enum status s = buf_char(out, '"');
    for (uint64_t i = 0; s == OK && i < v.len; i++) {
        if (v.at[i] == '"')
            s = buf_char(out, '"');
        if (s == OK)
            s = buf_char(out, v.at[i]);
    }
    return s == OK ? buf_char(out, '"') : s;
}

static enum status write_cells(const struct tensor *t, int64_t item, int64_t items, bool first,
                               struct buf *out)
{
    char number[NUMBER_OUT_MAX];
    bool is_special;
    int64_t per = t->rank ? tensor_count(t) / items : 1;
    enum status s = OK;
    for (int64_t k = 0; s == OK && k < per; k++) {
        if (!first || k)
            s = buf_char(out, ',');
        if (s == OK && t->dtype == DT_STRING) {
            s = write_text(text_get(t, item * per + k), out);
            continue;
        }
        size_t len = number_print(t, item * per + k, number, &is_special);
        if (s == OK)
            s = buf_add(out, number, len);
    }
    return s;
}

/* Rows of the reply: the leading dim that all outputs share; 1 when all are scalars. */
static enum status rows_of(const struct signature *sig, const struct tensor *outputs, int64_t *rows,
                           struct err *err)
{
    *rows = sig->n_outputs && outputs[0].rank ? outputs[0].dims[0] : 1;
    for (int i = 0; i < sig->n_outputs; i++)
        if ((outputs[i].rank ? outputs[i].dims[0] : 1) != *rows)
            return err_set(err, E_BAD_INPUT,
                           "output '%s' has another leading dimension than '%s': ask for JSON",
                           sig->outputs[i].name, sig->outputs[0].name);
    return OK;
}

enum status csv_encode(const struct signature *sig, const struct tensor *outputs, struct buf *out,
                       struct err *err)
{
    int64_t rows;
    enum status s = rows_of(sig, outputs, &rows, err);
    if (s != OK)
        return s;
    for (int64_t r = 0; s == OK && r < rows; r++) {
        for (int i = 0; s == OK && i < sig->n_outputs; i++)
            s = write_cells(&outputs[i], r, rows, i == 0, out);
        if (s == OK)
            s = buf_char(out, '\n');
    }
    return codec_memory_fault(s, "the reply", err);
}
