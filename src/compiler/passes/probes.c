/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Learns what a dim depends on by trying: shapes are inferred at a base point, and once more for
 * each symbol with that symbol changed. A dim that never changes is constant; one that always
 * equals a symbol is that symbol; all else is free.
 *
 * A model may need its symbols above some size (an image that is pooled five times) or equal to
 * each other (two inputs whose batch has two names), so several base points are tried in turn. */
#include <string.h>

#include "base/alloc.h"
#include "compiler/passes/shapes.h"

/* Symbol k is first + k * step at the base, and is multiplied by `grow` when it is the changed one.
 * With step 0 all are equal and change together. */
static const struct scheme {
    int64_t first, step, grow;
} schemes[] = {{2, 1, 3}, {37, 5, 3}, {224, 32, 2}, {2, 0, 3}, {64, 0, 2}, {224, 0, 2}, {1, 0, 1}};

static uint32_t probe_count(const struct graph *g, const struct scheme *c)
{
    if (!g->n_symbols || c->grow == 1)
        return 1;
    return c->step ? g->n_symbols + 1 : 2;
}

static void fill_row(const struct graph *g, const struct scheme *c, uint32_t row, int64_t *symbols)
{
    for (uint32_t k = 0; k < g->n_symbols; k++) {
        bool changed = row && (!c->step || row == k + 1);
        symbols[k] = (c->first + (int64_t)k * c->step) * (changed ? c->grow : 1);
    }
}

static enum status try_scheme(const struct graph *g, const struct scheme *c, struct probes *out,
                              struct err *err)
{
    uint32_t n = probe_count(g, c);
    struct probes p = {alloc_zero(n, sizeof(*p.at)),
                       alloc_zero((size_t)n * MAX(g->n_symbols, 1), sizeof(*p.symbols)), n};
    enum status s = OK;
    if (!p.at || !p.symbols)
        s = err_set(err, E_NO_MEMORY, "no memory for %u shape probes", n);
    for (uint32_t i = 0; s == OK && i < n; i++) {
        int64_t *row = p.symbols + (size_t)i * g->n_symbols;
        fill_row(g, c, i, row);
        s = shapes_infer(g, row, &p.at[i], err);
    }
    if (s == OK)
        *out = p;
    else
        probes_fini(&p);
    return s;
}

enum status probes_infer(const struct graph *g, struct probes *out, struct err *err)
{
    struct err later = {OK, ""};
    enum status s = try_scheme(g, &schemes[0], out, err);
    for (size_t i = 1; g->n_symbols && s != OK && s != E_NO_MEMORY && i < ARRAY_COUNT(schemes); i++)
        s = try_scheme(g, &schemes[i], out, &later);
    if (s == E_NO_MEMORY)
        return err_set(err, E_NO_MEMORY, "no memory to infer shapes");
    return s == OK || !err ? s : err->code; /* the first point's words fit most models best */
}

void probes_fini(struct probes *p)
{
    for (uint32_t i = 0; p->at && i < p->n; i++)
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
    for (uint32_t i = 1; same && i < p->n; i++)
        same = p->at[i].t[value].dims[d] == first;
    if (same && (p->n > 1 || !g->n_symbols))
        return first;
    for (uint32_t k = 0; k < g->n_symbols; k++)
        if (is_symbol(g, p, value, d, k))
            return DIM_SYMBOL_0 - (int64_t)k;
    return DIM_FREE;
}

bool probes_same_shape(const struct probes *p, int32_t a, int32_t b)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (!shape_same(&p->at[i].t[a], &p->at[i].t[b]))
            return false;
    return true;
}
