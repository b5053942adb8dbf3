/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Learns what a dim depends on by trying: shapes are inferred at a base point, and several times
 * more for each symbol with that symbol changed. A dim that never changes is constant; one that
 * always equals a symbol is that symbol; all else is free.
 *
 * A model may need its symbols above some size (an image that is pooled five times) or equal to
 * each other (two inputs whose batch has two names), so several base points are tried in turn. Dims
 * can also change their law at some size (a Slice up to 8, a broadcast from 1), so sizes far from
 * the base are tried too; where the model cannot take those, they tell nothing. */
#include <string.h>

#include "base/alloc.h"
#include "compiler/passes/shapes.h"

/* Symbol k is first + k * step at the base. With step 0 all are equal and change together. `second`
 * is a size that a changed symbol must be able to take. */
static const struct scheme {
    int64_t first, step, second;
} schemes[] = {{2, 1, 97}, {37, 5, 331}, {224, 32, 608}, {2, 0, 97}, {64, 0, 128}, {224, 0, 448}};

/* Sizes that a changed symbol may refuse. */
static const int64_t extremes[] = {1, 4099};

enum { PROBES_PER_SYMBOL = 1 + ARRAY_COUNT(extremes) };

static uint32_t probes_wanted(const struct graph *g, const struct scheme *c)
{
    uint32_t groups = g->n_symbols && !c->step ? 1 : g->n_symbols;
    return 1 + groups * PROBES_PER_SYMBOL;
}

/* The symbols of probe `i`: 0 is the base; then the second size of each symbol, then each extreme.
 */
static void fill_row(const struct graph *g, const struct scheme *c, uint32_t i, int64_t *symbols)
{
    uint32_t groups = c->step ? g->n_symbols : 1;
    uint32_t round = i ? (i - 1) / groups : 0, which = i ? (i - 1) % groups : 0;
    for (uint32_t k = 0; k < g->n_symbols; k++) {
        symbols[k] = c->first + (int64_t)k * c->step;
        if (i && (!c->step || which == k))
            symbols[k] = round ? extremes[round - 1] : c->second + (int64_t)k * c->step;
    }
}

static bool is_extreme(const struct graph *g, const struct scheme *c, uint32_t i)
{
    uint32_t groups = c->step ? g->n_symbols : 1;
    return i > groups;
}

static enum status probe_all(const struct graph *g, const struct scheme *c, struct probes *p,
                             uint32_t wanted, struct err *err)
{
    for (uint32_t i = 0; i < wanted; i++) {
        struct err ignored;
        bool extreme = is_extreme(g, c, i);
        int64_t *row = p->symbols + (size_t)p->n * g->n_symbols;
        fill_row(g, c, i, row);
        enum status s = shapes_infer(g, row, &p->at[p->n], extreme ? &ignored : err);
        if (s == OK)
            p->n++;
        else if (!extreme || s == E_NO_MEMORY)
            return s;
    }
    return OK;
}

static enum status try_scheme(const struct graph *g, const struct scheme *c, struct probes *out,
                              struct err *err)
{
    uint32_t wanted = probes_wanted(g, c);
    struct probes p = {alloc_zero(wanted, sizeof(*p.at)),
                       alloc_zero((size_t)wanted * MAX(g->n_symbols, 1), sizeof(*p.symbols)), 0};
    enum status s = E_NO_MEMORY;
    if (p.at && p.symbols)
        s = probe_all(g, c, &p, wanted, err);
    if (s == OK)
        *out = p;
    else
        probes_fini(&p);
    return s;
}

enum status probes_infer(const struct graph *g, struct probes *out, struct err *err)
{
    struct err first = {OK, ""}, later;
    enum status s = try_scheme(g, &schemes[0], out, &first);
    for (size_t i = 1; g->n_symbols && s != OK && s != E_NO_MEMORY && i < ARRAY_COUNT(schemes); i++)
        s = try_scheme(g, &schemes[i], out, &later);
    if (s == OK)
        return OK;
    if (s == E_NO_MEMORY)
        return err_set(err, E_NO_MEMORY, "no memory to infer shapes");
    if (err)
        *err = first; /* the first point's words fit most models best */
    return first.code;
}

void probes_fini(struct probes *p)
{
    for (uint32_t i = 0; i < p->n; i++)
        shapes_fini(&p->at[i]);
    alloc_free(p->at);
    alloc_free(p->symbols);
    *p = (struct probes){0};
}

static bool is_symbol(const struct graph *g, const struct probes *p, int32_t value, int d,
                      uint32_t symbol)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (p->at[i].t[value].dims[d] != p->symbols[(size_t)i * g->n_symbols + symbol])
            return false;
    return true;
}

int64_t probes_dim(const struct graph *g, const struct probes *p, int32_t value, int d)
{
    int64_t first = p->at[0].t[value].dims[d];
    bool same = true;
    for (uint32_t i = 1; i < p->n; i++)
        if (p->at[i].t[value].dtype == DT_NONE)
            return DIM_FREE; /* too large to be followed there */
    for (uint32_t i = 1; same && i < p->n; i++)
        same = p->at[i].t[value].dims[d] == first;
    if (same)
        return first;
    for (uint32_t k = 0; k < g->n_symbols; k++)
        if (is_symbol(g, p, value, d, k))
            return DIM_SYMBOL_0 - (int64_t)k;
    return DIM_FREE;
}

bool probes_known(const struct probes *p, int32_t value)
{
    return dtype_valid(p->at[0].t[value].dtype);
}

bool probes_same_shape(const struct probes *p, int32_t a, int32_t b)
{
    if (!probes_known(p, a) || !probes_known(p, b))
        return false;
    for (uint32_t i = 0; i < p->n; i++)
        if (p->at[i].t[a].dtype == DT_NONE || !shape_same(&p->at[i].t[a], &p->at[i].t[b]))
            return false;
    return true;
}
