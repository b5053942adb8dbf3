/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The steps of a plan that run item by item. A batch's values are many times a cache, and go out to
 * memory between one step and the next; those of one item stay. So the first steps, as far as each
 * computes an item of its results from that item of its operands alone, run for one item after the
 * other, in values of one item. What later steps or the caller read (`leaves`) is of all items, and
 * so are inputs: a run moves from item to item in them. */
#include "runtime/plan_priv.h"

enum {
    ITEMS_BYTES = 512 * 1024, /* more of one result, of all items, are not near for the next step */
    ITEM_BYTES = 16 * 1024    /* of one item: for less, a step costs more than its values */
};

int64_t plan_items_of(const struct program *p, const struct tensor *in)
{
    const int64_t n = p->signature.n_inputs && in[0].rank ? in[0].dims[0] : 1;
    for (int i = 1; i < p->signature.n_inputs; i++)
        if (!in[i].rank || in[i].dims[0] != n)
            return 1;
    return MAX(n, (int64_t)1);
}

/* Inputs of one item. */
void plan_items_begin(struct plan *pl, int64_t items)
{
    pl->items = items;
    pl->by_items = items > 1;
    for (int i = 0; pl->by_items && i < pl->p->signature.n_inputs; i++) {
        const int32_t t = pl->p->inputs[i];
        pl->values[t].of_item = pl->values[t].leaves = true;
        pl->tensors[t].dims[0] = 1;
    }
}

/* Of an operator that broadcasts: the rank that its operands of items have; 0 when they differ. */
static int rank_of(const struct plan *pl, const struct program_instr *in)
{
    int rank = 0;
    for (int k = 0; k < in->n_in; k++) {
        const int32_t t = in->operands[k];
        if (t == ARTIFACT_NO_TENSOR || !pl->values[t].of_item)
            continue;
        if (rank && rank != pl->tensors[t].rank)
            return 0;
        rank = pl->tensors[t].rank;
    }
    return rank;
}

/* Does each item meet all of it? */
static bool meets_items(const struct tensor *constant, int rank)
{
    return constant->rank < rank || (constant->rank == rank && constant->dims[0] == 1);
}

/* Has the operator items, where this plan has them? Its other operands are constants then: all else
 * that is known so far is of items. */
static bool operands_fit(const struct plan *pl, const struct program_instr *in)
{
    const bool wide = in->op->flags & OP_BROADCAST;
    const int rank = wide ? rank_of(pl, in) : 0;
    if (!in->op->items || (wide && !rank))
        return false;
    for (int k = 0; k < in->n_in; k++) {
        const int32_t t = in->operands[k];
        const bool has = in->op->items >> MIN(k, 31) & 1;
        if (t != ARTIFACT_NO_TENSOR && has != pl->values[t].of_item &&
            !(wide && meets_items(&pl->tensors[t], rank)))
            return false;
    }
    return in->n_in && in->operands[0] != ARTIFACT_NO_TENSOR;
}

bool plan_items_take(struct plan *pl, const struct program_instr *in)
{
    struct err ignored;
    uint64_t scratch;
    if (!operands_fit(pl, in) || plan_infer(pl, in, &scratch, &ignored) != OK || pl->stepwise) {
        pl->stepwise = false;
        return false;
    }
    for (int k = 0; k < in->n_out; k++) {
        const int32_t t = in->operands[in->n_in + k];
        if (t != ARTIFACT_NO_TENSOR && (!pl->tensors[t].rank || pl->tensors[t].dims[0] != 1))
            return false;
    }
    for (int k = 0; k < in->n_out; k++)
        if (in->operands[in->n_in + k] != ARTIFACT_NO_TENSOR)
            pl->values[in->operands[in->n_in + k]].of_item = true;
    return true;
}

static void mark_leaving(struct plan *pl, uint32_t next)
{
    const struct program *p = pl->p;
    const uint32_t from = next < p->p0.n_instrs ? (uint32_t)(p->instrs[next].operands - p->operands)
                                                : p->p0.n_operands;
    for (uint32_t i = from; i < p->p0.n_operands; i++)
        if (p->operands[i] != ARTIFACT_NO_TENSOR && pl->values[p->operands[i]].of_item)
            pl->values[p->operands[i]].leaves = true;
    for (uint32_t i = 0; i < p->p0.n_outputs; i++)
        if (pl->values[p->outputs[i]].of_item)
            pl->values[p->outputs[i]].leaves = true;
}

enum status plan_items_end(struct plan *pl, uint32_t next, struct err *err)
{
    pl->by_items = false;
    pl->item_steps = pl->n_steps;
    mark_leaving(pl, next);
    plan_items_leave(pl);
    for (uint32_t t = 0; t < pl->p->p0.n_tensors; t++)
        if (pl->values[t].leaves && !tensor_bytes(&pl->tensors[t], &pl->values[t].bytes))
            return err_set(err, E_TOO_LARGE, "tensor \"%s\" has no size", pl->p->tensors[t].name);
    return OK;
}

bool plan_items_pay(const struct plan *pl)
{
    uint64_t most = 0;
    for (uint32_t t = 0; t < pl->p->p0.n_tensors; t++)
        if (pl->values[t].of_item && !pl->values[t].leaves)
            most = MAX(most, pl->values[t].bytes);
    return most >= ITEM_BYTES && most > ITEMS_BYTES / (uint64_t)pl->items;
}

void plan_items_enter(struct plan *pl)
{
    for (uint32_t t = 0; t < pl->p->p0.n_tensors; t++)
        if (pl->values[t].leaves)
            pl->tensors[t].dims[0] = 1;
}

void plan_items_leave(struct plan *pl)
{
    for (uint32_t t = 0; t < pl->p->p0.n_tensors; t++)
        if (pl->values[t].leaves)
            pl->tensors[t].dims[0] = pl->items;
}

void plan_items_move(struct plan *pl, int64_t by)
{
    for (uint32_t t = 0; t < pl->p->p0.n_tensors; t++) {
        uint64_t bytes;
        struct tensor *x = &pl->tensors[t];
        if (pl->values[t].leaves && x->data && tensor_bytes(x, &bytes))
            x->data = (uint8_t *)x->data + by * (int64_t)bytes;
    }
}
