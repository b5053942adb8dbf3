/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Which values need a place in the arena, and for how long. Values that share bytes (views, results
 * that may overwrite an operand that dies, and operands that are written where a Concat wants them)
 * are one root. No two roots that live at the same time overlap, whatever the order of the steps:
 * fit.c sees to that. */
#include "base/checked.h"
#include "runtime/plan_priv.h"

#define SHIFT_END (UINT64_C(1) << 28) /* plan_value.shift */

/* Views lead to the result they were taken of, and that one to the operand that it overwrites or to
 * the result that it is joined into: two steps at most, because those were resolved before. */
int32_t plan_root(const struct plan *pl, int32_t t)
{
    while (t != PLAN_NOWHERE && pl->values[t].root != t)
        t = pl->values[t].root;
    return t;
}

uint64_t plan_offset(const struct plan *pl, int32_t t)
{
    uint64_t shift = pl->values[t].shift;
    for (; pl->values[t].root != t; shift += pl->values[t].shift)
        t = pl->values[t].root;
    return pl->values[t].off + shift * PLAN_ALIGN;
}

static void find_lifetimes(struct plan *pl)
{
    const struct program *p = pl->p;
    for (uint32_t s = 0; s < pl->n_steps; s++) {
        const struct plan_step *step = &pl->steps[s];
        for (int k = 0; k < step->in->n_in + step->in->n_out; k++) {
            if (!step->operands[k])
                continue;
            int32_t t = (int32_t)(step->operands[k] - pl->tensors), root = plan_root(pl, t);
            if (root == PLAN_NOWHERE)
                continue;
            if (k >= step->in->n_in && t == root)
                pl->values[root].first = s;
            pl->values[root].last = s;
        }
    }
    for (uint32_t i = 0; i < p->p0.n_outputs; i++) {
        int32_t root = plan_root(pl, p->outputs[i]);
        if (root != PLAN_NOWHERE)
            pl->values[root].last = pl->n_steps;
    }
    for (uint32_t i = 0; pl->item_steps && i < p->p0.n_tensors; i++)
        if (pl->values[i].leaves) { /* its other items live while one is in work */
            pl->values[i].first = 0;
            pl->values[i].last = MAX(pl->values[i].last, pl->item_steps - 1);
        }
}

/* Tensor t, or what it is a view of, is written by a step, and t is no part of another already. Of
 * all items it lies item after item, and can be no part of one. */
static bool may_join(const struct plan *pl, int32_t t)
{
    const int32_t root = pl->values[t].root;
    return root != PLAN_NOWHERE && !pl->values[t].moved && !pl->values[root].leaves &&
           pl->p->tensors[root].class == CLASS_VALUE;
}

/* Operands of a step whose result they are in a row: those that may stand in it from the start. Of
 * one that two Concats want, the last to take it has it; the other copies. */
static void join_parts(struct plan *pl, const struct plan_step *step)
{
    const int32_t out = (int32_t)(step->operands[step->in->n_in] - pl->tensors);
    const int32_t whole = plan_root(pl, out);
    struct plan_value *to = &pl->values[whole];
    uint64_t at = pl->values[out].shift * (uint64_t)PLAN_ALIGN;
    for (int k = 0; k < step->in->n_in && !to->leaves; k++) {
        const int32_t t = (int32_t)(step->operands[k] - pl->tensors);
        if (may_join(pl, t) && at % PLAN_ALIGN == 0 && at / PLAN_ALIGN < SHIFT_END) {
            struct plan_value *part = &pl->values[pl->values[t].root];
            to->first = MIN(to->first, part->first);
            to->last = MAX(to->last, part->last);
            part->root = whole;
            part->shift = (uint32_t)(at / PLAN_ALIGN);
            part->moved = true;
        }
        at += pl->values[t].bytes; /* together those of a tensor, which has a size */
    }
}

/* The last step first: what is joined into a part of another goes straight into that other. */
static void join_all(struct plan *pl)
{
    for (uint32_t s = pl->n_steps; s-- > 0;) {
        const struct plan_step *step = &pl->steps[s];
        const struct tensor *out = step->in->n_out ? step->operands[step->in->n_in] : NULL;
        if (out && pl->values[out - pl->tensors].joins)
            join_parts(pl, step);
    }
}

/* May this step's first result overwrite its first operand? */
static bool may_overwrite(const struct plan *pl, uint32_t s, int32_t root, const uint8_t *staged)
{
    const struct plan_step *step = &pl->steps[s];
    const struct program_tensor *pt = &pl->p->tensors[root];
    if (pl->values[root].last != s)
        return false; /* somebody reads it later */
    if (pt->class == CLASS_INPUT && !(staged && staged[pt->port]))
        return false; /* the caller's bytes */
    for (int k = 1; k < step->in->n_in; k++)
        if (step->operands[k] && plan_root(pl, (int32_t)(step->operands[k] - pl->tensors)) == root)
            return false; /* read through another operand, perhaps in another order */
    return true;
}

static void share_bytes(struct plan *pl, const uint8_t *staged)
{
    for (uint32_t s = 0; s < pl->n_steps; s++) {
        const struct plan_step *step = &pl->steps[s];
        struct tensor *out = step->in->n_out ? step->operands[step->in->n_in] : NULL;
        if (!(step->in->op->flags & OP_IN_PLACE) || step->in->op->flags & OP_VIEW || !out ||
            !step->in->n_in || !step->operands[0])
            continue;
        struct plan_value *to = &pl->values[out - pl->tensors];
        const int32_t x = (int32_t)(step->operands[0] - pl->tensors), root = plan_root(pl, x);
        if (root == PLAN_NOWHERE || to->moved || pl->values[x].bytes != to->bytes ||
            pl->values[root].bytes != to->bytes || !may_overwrite(pl, s, root, staged))
            continue;
        to->root = root;
        to->moved = true;
        pl->values[root].last = to->last;
    }
}

/* The roots that need a place; inputs that stay where they are get none. */
static uint32_t collect(struct plan *pl, const uint8_t *staged)
{
    const struct program *p = pl->p;
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->p0.n_tensors; i++) {
        struct plan_value *v = &pl->values[i];
        const struct program_tensor *pt = &p->tensors[i];
        v->off = UINT64_MAX;
        if (v->root != (int32_t)i || pt->class == CLASS_CONST)
            continue;
        if (pt->class == CLASS_VALUE || (staged && staged[pt->port]))
            pl->order[n++] = (int32_t)i;
    }
    return n;
}

/* All values as plan_make left them. */
static void part_again(struct plan *pl)
{
    for (uint32_t i = 0; i < pl->p->p0.n_tensors; i++) {
        struct plan_value *v = &pl->values[i];
        if (v->moved)
            v->root = (int32_t)i;
        v->moved = false;
        v->shift = 0;
        v->first = v->last = 0;
        if (!tensor_bytes(&pl->tensors[i], &v->bytes))
            v->bytes = 0; /* of no step: those of steps have a size */
    }
}

static enum status place(struct plan *pl, const uint8_t *staged, bool join, struct err *err)
{
    find_lifetimes(pl);
    if (join)
        join_all(pl);
    share_bytes(pl, staged);
    uint32_t n = collect(pl, staged);
    uint64_t sum;
    bool fits = checked_add(pl->scratch_bytes, pl->book_bytes, &sum);
    for (uint32_t i = 0; fits && i < n; i++) {
        struct plan_value *v = &pl->values[pl->order[i]];
        fits = checked_align(v->bytes, PLAN_ALIGN, &v->bytes) && checked_add(sum, v->bytes, &sum);
    }
    if (!fits)
        return err_set(err, E_TOO_LARGE, "the values of a run would pass 2^64 bytes");
    plan_fit(pl, n);
    return OK;
}

/* A part that is written early holds the room of the whole from then on. Where that makes the run
 * larger than the copies would, they are made. */
enum status plan_place(struct plan *pl, const uint8_t *staged, struct err *err)
{
    enum status s = place(pl, staged, false, err);
    const uint64_t bytes = pl->values_bytes;
    if (s != OK || !pl->joins)
        return s;
    part_again(pl);
    s = place(pl, staged, true, err);
    if (s != OK || pl->values_bytes <= bytes)
        return s;
    part_again(pl);
    return place(pl, staged, false, err);
}
