/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* CSV whose first line names the columns: those of the model's only input when they have names,
 * else the inputs themselves when each is one column. They may come in any order. A header without
 * a single name that the model knows is one that was never meant for it, and rows go by position.
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/csv.h"

/* The name in a field of the header; empty when it is longer than any. */
static void cell_name(struct cell f, char out[SIGNATURE_NAME_MAX + 1])
{
    size_t n = 0;
    csv_trim(&f);
    for (size_t i = 0; i < f.n && n <= SIGNATURE_NAME_MAX; i++) {
        out[n++] = f.s[i];
        i += f.quoted && f.s[i] == '"'; /* the second of two quotes */
    }
    out[n <= SIGNATURE_NAME_MAX ? n : 0] = 0;
}

/* What a name of the header means: a column, or an input; -1 when nothing. */
static int64_t look_up(const struct csv *c, const char *name, uint32_t guess)
{
    return c->sig->columns.count ? columns_find(&c->sig->columns, name, guess)
                                 : codec_find_port(c->sig->inputs, c->sig->n_inputs, name);
}

/* Passes the header; *fields: how many it has, *any: does the model know one of its names? */
static enum status pass_header(struct csv *c, int64_t *fields, bool *any, struct err *err)
{
    char name[SIGNATURE_NAME_MAX + 1];
    struct cell f;
    *fields = 0;
    *any = false;
    do {
        enum status s = csv_cell(c, &f, err);
        if (s != OK)
            return s;
        cell_name(f, name);
        *any = *any || look_up(c, name, (uint32_t)*fields) >= 0;
        ++*fields;
    } while (!f.last);
    return OK;
}

/* Can the names of inputs be those of columns? */
static bool one_column_each(const struct signature *sig)
{
    for (int i = 0; i < sig->n_inputs; i++) {
        const struct port *p = &sig->inputs[i];
        if (p->rank == 0)
            return false;
        for (int d = 1; d < p->rank; d++)
            if (p->dims[d] != 1)
                return false;
    }
    return true;
}

static enum status fill_order(struct csv *c, uint64_t *seen, struct err *err)
{
    char name[SIGNATURE_NAME_MAX + 1];
    uint32_t guess = 0;
    for (int64_t j = 0; j < c->columns; j++) {
        struct cell f;
        enum status s = csv_cell(c, &f, err);
        if (s != OK)
            return s;
        cell_name(f, name);
        int64_t target = look_up(c, name, guess);
        if (target < 0)
            return err_set(err, E_BAD_INPUT, "field %" PRId64 ": the model has no %s '%.100s'",
                           j + 1, c->sig->columns.count ? "column" : "input", name);
        if (seen[target / 64] >> target % 64 & 1)
            return err_set(err, E_BAD_INPUT, "'%.100s' came twice", name);
        seen[target / 64] |= UINT64_C(1) << target % 64;
        c->order[j] = (uint32_t)target;
        guess = (uint32_t)target + 1;
    }
    for (int i = 0; !c->sig->columns.count && i < c->sig->n_inputs; i++)
        if (!(seen[i / 64] >> i % 64 & 1))
            return err_set(err, E_BAD_INPUT, "input '%s' is missing", c->sig->inputs[i].name);
    return OK;
}

enum status csv_header(struct csv *c, struct err *err)
{
    const struct signature *sig = c->sig;
    const uint32_t targets = sig->columns.count ? sig->columns.count : (uint32_t)sig->n_inputs;
    const char *start = c->p;
    int64_t fields;
    bool any;
    enum status s = pass_header(c, &fields, &any, err);
    if (s != OK || !any || (!sig->columns.count && !one_column_each(sig)))
        return s;
    if (fields > targets)
        return err_set(err, E_BAD_INPUT, "%" PRId64 " fields, the model has %" PRIu32 " %s", fields,
                       targets, sig->columns.count ? "columns" : "inputs");
    c->p = start;
    c->columns = fields;
    c->order = alloc_zero((size_t)fields, sizeof(*c->order));
    uint64_t *seen = alloc_zero(targets / 64 + 1, sizeof(*seen));
    s = c->order && seen ? fill_order(c, seen, err)
                         : err_set(err, E_NO_MEMORY, "no memory for the request's columns");
    alloc_free(seen);
    return s;
}

/* The builder that field j of the row goes to. */
static enum status place(struct csv *c, int64_t j, struct builder **b, struct err *err)
{
    uint32_t target = c->order[j];
    *b = c->sig->columns.count ? &c->runs[0].b : &c->runs[target].b;
    return c->sig->columns.count ? named_row_take(&c->named, target, err) : OK;
}

enum status csv_named_row(struct csv *c, struct err *err)
{
    const bool named = c->sig->columns.count > 0;
    struct cell f = {.last = false};
    enum status s = named ? named_row_begin(&c->named, err) : OK;
    int64_t j = 0;
    for (; s == OK && !f.last && j < c->columns; j++) {
        struct builder *b;
        s = csv_cell(c, &f, err);
        if (s == OK)
            s = place(c, j, &b, err);
        if (s == OK)
            s = csv_field(b, &f, err);
    }
    if (s != OK)
        return err_prefix(err, "row %" PRId64 ", column %" PRId64, c->rows + 1, j);
    if (!f.last || j < c->columns)
        return csv_wrong_columns(c, f.last ? j : j + 1, err);
    c->rows++;
    return named ? named_row_end(&c->named, err) : OK;
}
