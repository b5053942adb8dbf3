/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a run costs at the smallest symbols, where every dim that a request may choose is 1: the
 * numbers of page 0. They come from the planner that serves requests, in memory that passes. What
 * cannot be planned declares nothing: its runs take from the arena as they go. */
#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "ops/flops.h"
#include "runtime/plan_priv.h"

/* Every symbol is 1, but for the first, which is `first`. */
static int64_t dim_at(int64_t d, int64_t first)
{
    if (d >= 0)
        return d;
    return d == DIM_SYMBOL_0 ? first : 1;
}

static bool shapes_are_free(const struct signature *sig)
{
    for (int i = 0; i < sig->n_inputs; i++)
        for (int k = 0; k < sig->inputs[i].rank; k++)
            if (sig->inputs[i].dims[k] < 0)
                return true;
    return false;
}

static void set_shapes(const struct signature *sig, int64_t first, struct tensor *in,
                       int64_t *symbols)
{
    for (int i = 0; i < sig->n_symbols; i++)
        symbols[i] = DIM_FREE;
    for (int i = 0; i < sig->n_inputs; i++) {
        const struct port *port = &sig->inputs[i];
        in[i] = (struct tensor){.dtype = port->dtype, .rank = port->rank};
        for (int k = 0; k < port->rank; k++) {
            in[i].dims[k] = dim_at(port->dims[k], first);
            if (dim_is_symbol(port->dims[k]))
                symbols[dim_symbol(port->dims[k])] = in[i].dims[k];
        }
    }
}

static enum status measure_at(const struct program *p, int64_t first, void *book,
                              struct artifact_cost *out, bool *stepwise, struct err *err)
{
    struct tensor in[SIGNATURE_PORTS_MAX];
    int64_t symbols[ARTIFACT_SYMBOLS_MAX];
    struct plan_shapes shapes = {in, symbols, NULL};
    struct plan plan;
    set_shapes(&p->signature, first, in, symbols);
    enum status s = plan_make(&plan, p, &shapes, book, err);
    *stepwise = s == OK && plan.stepwise;
    if (s == OK && !plan.stepwise)
        *out = (struct artifact_cost){.arena_fixed = plan_bytes(&plan),
                                      .scratch_bytes = plan.scratch_bytes};
    return s;
}

enum status bind_measure(const struct program *p, struct artifact_cost *out, bool *stepwise,
                         struct err *err)
{
    struct artifact_cost two = {0};
    bool ignored_too;
    struct err ignored;
    *out = (struct artifact_cost){0};
    void *book = alloc_aligned(PLAN_ALIGN, plan_book_bytes(p));
    if (!book)
        return err_set(err, E_NO_MEMORY, "no memory to plan a program");
    enum status s = measure_at(p, 1, book, out, stepwise, err);
    if (s == OK && p->signature.n_symbols > 0 &&
        measure_at(p, 2, book, &two, &ignored_too, &ignored) == OK &&
        two.arena_fixed > out->arena_fixed)
        out->arena_per_item = two.arena_fixed - out->arena_fixed;
    alloc_free(book);
    if (s == E_BAD_INPUT && shapes_are_free(&p->signature))
        return OK; /* an image of one pixel need not fit: such a model declares no cost */
    if (s == E_BAD_INPUT || s == E_TOO_LARGE)
        err->code = s = E_CORRUPT; /* no request is at fault here */
    return s;
}

/* Of steps [from, to). */
static uint64_t flops_of(const struct plan *pl, uint32_t from, uint32_t to)
{
    uint64_t sum = 0;
    for (uint32_t i = from; i < to; i++) {
        const struct plan_step *step = &pl->steps[i];
        const struct op_shapes shapes = {.params = step->in->params,
                                         .n_in = step->in->n_in,
                                         .n_out = step->in->n_out,
                                         .in = (const struct tensor *const *)step->operands,
                                         .out = step->operands + step->in->n_in};
        uint64_t flops = op_flops(step->in->op, &shapes);
        if (!checked_add(sum, flops, &sum))
            return UINT64_MAX;
    }
    return sum;
}

/* Of a run: what runs item by item runs that often. */
static uint64_t flops_of_all(struct plan *pl)
{
    uint64_t sum = 0, rest;
    if (pl->item_steps) {
        plan_items_enter(pl);
        sum = flops_of(pl, 0, pl->item_steps);
        plan_items_leave(pl);
        if (!checked_mul(sum, (uint64_t)pl->items, &sum))
            return UINT64_MAX;
    }
    rest = flops_of(pl, pl->item_steps, pl->n_steps);
    return checked_add(sum, rest, &sum) ? sum : UINT64_MAX;
}

enum status program_estimate(const struct program *p, struct program_estimate *out, struct err *err)
{
    static const char *const orders[FIT_ORDERS] = {[FIT_BY_SIZE] = "size",
                                                   [FIT_BY_PEAK] = "peak",
                                                   [FIT_BY_AREA] = "area",
                                                   [FIT_BY_START] = "start"};
    struct tensor in[SIGNATURE_PORTS_MAX];
    int64_t symbols[ARTIFACT_SYMBOLS_MAX];
    const struct plan_shapes shapes = {in, symbols, NULL};
    struct plan pl;
    *out = (struct program_estimate){.placed_by = ""};
    void *book = alloc_aligned(PLAN_ALIGN, plan_book_bytes(p));
    if (!book)
        return err_set(err, E_NO_MEMORY, "no memory to plan a program");
    set_shapes(&p->signature, 1, in, symbols);
    enum status s = plan_make(&pl, p, &shapes, book, err);
    if (s == OK && !pl.stepwise)
        *out = (struct program_estimate){.planned = true,
                                         .flops = flops_of_all(&pl),
                                         .steps = pl.n_steps,
                                         .item_steps = pl.item_steps,
                                         .values_bytes = pl.values_bytes,
                                         .live_bytes = pl.live_bytes,
                                         .placed_by = orders[pl.placed_by]};
    alloc_free(book);
    return s == E_BAD_INPUT && shapes_are_free(&p->signature) ? OK : s;
}
