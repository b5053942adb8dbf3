/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* CSV: one row an instance, no header unless the caller says so. Columns fill the inputs in
 * signature order, row-major; an empty field is NaN for a floating input. A field may stand in
 * double quotes. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/checked.h"
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
};

/* Cuts the next line off, without its end; false at the end of the body. */
static bool next_line(struct csv *c, const char **line, size_t *n)
{
    if (c->p >= c->end)
        return false;
    const char *nl = memchr(c->p, '\n', (size_t)(c->end - c->p));
    const char *stop = nl ? nl : c->end;
    *line = c->p;
    c->p = nl ? nl + 1 : c->end;
    if (stop > *line && stop[-1] == '\r')
        stop--;
    *n = (size_t)(stop - *line);
    return true;
}

/* Without surrounding blanks and one pair of quotes. */
static void trim(const char **s, size_t *n)
{
    while (*n && (**s == ' ' || **s == '\t')) {
        ++*s;
        --*n;
    }
    while (*n && ((*s)[*n - 1] == ' ' || (*s)[*n - 1] == '\t'))
        --*n;
    if (*n >= 2 && **s == '"' && (*s)[*n - 1] == '"') {
        ++*s;
        *n -= 2;
    }
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

static enum status field(struct builder *b, const char *s, size_t n, struct err *err)
{
    double v;
    trim(&s, &n);
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

static enum status wrong_columns(const struct csv *c, int64_t came, struct err *err)
{
    return err_set(err, E_BAD_INPUT, "row %" PRId64 ": %s%" PRId64 " columns, expected %" PRId64,
                   c->rows + 1, came > c->columns ? "more than " : "",
                   came > c->columns ? c->columns : came, c->columns);
}

static enum status row(struct csv *c, const char *line, size_t n, struct err *err)
{
    const char *end = line + n;
    int64_t came = 0;
    for (int i = 0; i < c->sig->n_inputs; i++)
        for (int64_t k = 0; k < c->runs[i].columns; k++) {
            if (!line)
                return wrong_columns(c, came, err);
            const char *comma = memchr(line, ',', (size_t)(end - line));
            enum status s = field(&c->runs[i].b, line, (size_t)((comma ? comma : end) - line), err);
            if (s != OK)
                return err_prefix(err, "row %" PRId64 ", column %" PRId64, c->rows + 1, came + 1);
            line = comma ? comma + 1 : NULL;
            came++;
        }
    if (line)
        return wrong_columns(c, came + 1, err);
    c->rows++;
    return OK;
}

static int64_t count_fields(const char *line, size_t n)
{
    int64_t k = 1;
    for (size_t i = 0; i < n; i++)
        k += line[i] == ',';
    return k;
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
        c->columns += c->runs[i].columns;
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

static enum status read_rows(struct csv *c, struct codec_request *r, bool header, struct err *err)
{
    const char *line;
    size_t n;
    if (header && !next_line(c, &line, &n))
        return err_set(err, E_BAD_INPUT, "header=present, and no line came");
    bool first = true;
    while (next_line(c, &line, &n)) {
        enum status s = first ? layout(c, r, count_fields(line, n), err) : OK;
        first = false;
        if (s == OK)
            s = row(c, line, n, err);
        if (s != OK)
            return s;
    }
    if (first)
        return err_set(err, E_BAD_INPUT, "no rows came");
    return finish(c, err);
}

enum status csv_decode(const void *body, size_t n, const struct signature *sig,
                       const struct codec_options *o, struct codec_request *r, struct err *err)
{
    struct csv c = {.p = body, .end = (const char *)body + n, .sig = sig};
    c.runs = alloc_zero((size_t)sig->n_inputs, sizeof(*c.runs));
    if (!c.runs)
        return err_set(err, E_NO_MEMORY, "no memory for the request's inputs");
    enum status s = read_rows(&c, r, o->csv_header, err);
    alloc_free(c.runs);
    return s;
}

static enum status write_cells(const struct tensor *t, int64_t item, int64_t items, bool first,
                               struct buf *out)
{
    char text[NUMBER_OUT_MAX];
    bool is_special;
    int64_t per = t->rank ? tensor_count(t) / items : 1;
    enum status s = OK;
    for (int64_t k = 0; s == OK && k < per; k++) {
        if (!first || k)
            s = buf_char(out, ',');
        size_t len = number_print(t, item * per + k, text, &is_special);
        if (s == OK)
            s = buf_add(out, text, len);
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
