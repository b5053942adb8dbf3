/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Which values need a place in the arena, and for how long. Values that share bytes (views, and
 * results that may overwrite an operand that dies) are one root. No two roots that live at the same
 * time overlap, whatever the order of the steps: fit.c sees to that. */
#include "base/checked.h"
#include "runtime/plan_priv.h"

/* Views lead to the result they were taken of, and that one may lead to the operand it overwrites:
 * two steps at most, because a root that is overwritten was resolved before. */
int32_t plan_root(const struct plan *pl, int32_t t)
{
    while (t != PLAN_NOWHERE && pl->values[t].root != t)
        t = pl->values[t].root;
    return t;
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
        int32_t root = plan_root(pl, (int32_t)(step->operands[0] - pl->tensors));
        if (root == PLAN_NOWHERE || pl->values[root].bytes != to->bytes ||
            !may_overwrite(pl, s, root, staged))
            continue;
        to->root = root;
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

enum status plan_place(struct plan *pl, const uint8_t *staged, struct err *err)
{
    find_lifetimes(pl);
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
