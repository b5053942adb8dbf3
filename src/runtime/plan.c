/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One walk over the instructions infers every shape. What depends on shapes and constants alone is
 * computed on the way when it is small, so that chains such as Shape, Gather, Concat, Reshape end
 * in a known shape; what is computed here does not run again. */
#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "runtime/plan_priv.h"

/* Costs in page 0 count the book: a change of these sizes raises ARTIFACT_COST_REVISION. */
_Static_assert(sizeof(struct tensor) == 80, "part of the cost");
_Static_assert(sizeof(struct plan_step) == 24, "part of the cost");
_Static_assert(sizeof(struct plan_value) == 32, "part of the cost");

static uint64_t align(uint64_t n)
{
    return (n + PLAN_ALIGN - 1) & ~(uint64_t)(PLAN_ALIGN - 1);
}

static uint64_t known_bytes(const struct program *p)
{
    return (uint64_t)MIN(p->n_known, PLAN_VALUES_MAX) * PLAN_VALUE_BYTES_MAX;
}

uint64_t plan_book_bytes(const struct program *p)
{
    const struct artifact_page0 *p0 = &p->p0; /* its caps keep the sums far below 2^64 */
    return align(p0->n_tensors * sizeof(struct tensor)) +
           align(p0->n_operands * sizeof(struct tensor *)) +
           align(p0->n_instrs * sizeof(struct plan_step)) +
           align(p0->n_tensors * sizeof(struct plan_value)) +
           4 * align(p0->n_tensors * sizeof(int32_t)) + known_bytes(p);
}

uint64_t plan_bytes(const struct plan *pl)
{
    return region_round(pl->book_bytes) + pl->values_bytes + pl->scratch_bytes;
}

static void *take(struct bump *b, uint64_t bytes)
{
    void *p = bump_take(b, bytes, PLAN_ALIGN);
    ASSERT(p); /* plan_book_bytes counts these very takes */
    return p;
}

static void open_book(struct plan *pl, const struct program *p, void *book)
{
    const struct artifact_page0 *p0 = &p->p0;
    struct bump b = {book, plan_book_bytes(p), 0};
    memset(pl, 0, sizeof(*pl));
    pl->p = p;
    pl->book_bytes = b.bytes;
    pl->tensors = take(&b, p0->n_tensors * sizeof(struct tensor));
    pl->operands = take(&b, p0->n_operands * sizeof(struct tensor *));
    pl->steps = take(&b, p0->n_instrs * sizeof(struct plan_step));
    pl->values = take(&b, p0->n_tensors * sizeof(struct plan_value));
    pl->order = take(&b, p0->n_tensors * sizeof(int32_t));
    pl->late = take(&b, p0->n_tensors * sizeof(int32_t));
    pl->by_first = take(&b, p0->n_tensors * sizeof(int32_t));
    pl->reach = take(&b, p0->n_tensors * sizeof(uint32_t));
    pl->known_bytes = known_bytes(p);
    pl->known = take(&b, pl->known_bytes);
}

static void set_tensors(struct plan *pl, const struct tensor *in)
{
    const struct program *p = pl->p;
    for (uint32_t i = 0; i < p->p0.n_tensors; i++) {
        const struct program_tensor *pt = &p->tensors[i];
        pl->tensors[i] = pt->class == CLASS_INPUT ? in[pt->port] : pt->t;
        if (pt->class == CLASS_INPUT)
            pl->tensors[i].data = NULL;
        pl->values[i] =
            (struct plan_value){.root = pt->class == CLASS_CONST ? PLAN_NOWHERE : (int32_t)i};
    }
    for (uint32_t i = 0; i < p->p0.n_operands; i++)
        pl->operands[i] =
            p->operands[i] == ARTIFACT_NO_TENSOR ? NULL : &pl->tensors[p->operands[i]];
}

enum status plan_result_bytes(const struct tensor *t, uint64_t *bytes, struct err *err)
{
    char text[TENSOR_TEXT_MAX];
    if (!dtype_valid(t->dtype))
        return err_set(err, E_INTERNAL, "the result has no dtype");
    if (t->rank < 0 || t->rank > TENSOR_RANK_MAX)
        return err_set(err, E_BAD_INPUT, "the result would have rank %d", t->rank);
    if (!tensor_bytes(t, bytes))
        return err_set(err, E_TOO_LARGE, "the result would be %s", tensor_text(t, text));
    return OK;
}

static struct tensor **operands_of(const struct plan *pl, const struct program_instr *in)
{
    return pl->operands + (in->operands - pl->p->operands);
}

enum status plan_infer(struct plan *pl, const struct program_instr *in, uint64_t *scratch,
                       struct err *err)
{
    struct tensor **ops = operands_of(pl, in), **out = ops + in->n_in;
    struct err own;
    struct op_infer ctx = {.params = in->params,
                           .n_in = in->n_in,
                           .n_out = in->n_out,
                           .in = (const struct tensor *const *)ops,
                           .out = (struct tensor *const *)out};
    enum status s = op_infer_outputs(in->op, &ctx, &own);
    if (s != OK && ctx.needs_data) {
        pl->stepwise = true;
        return OK;
    }
    for (int k = 0; s == OK && k < in->n_out; k++)
        if (out[k])
            s = plan_result_bytes(out[k], &pl->values[out[k] - pl->tensors].bytes, &own);
    if (s != OK && err)
        *err = own;
    *scratch = ctx.scratch_bytes;
    if (s == OK && in->n_out && out[0]) {
        pl->values[out[0] - pl->tensors].joins = ctx.joins;
        pl->joins = pl->joins || ctx.joins;
    }
    pl->stepwise = pl->stepwise || ctx.text_bytes;
    return s;
}

static bool is_view(const struct program_instr *in)
{
    return in->op->flags & OP_VIEW && in->n_out > 0 && in->n_in > 0;
}

/* A view without other results is no work at all. */
static bool is_only_view(const struct program_instr *in)
{
    for (int k = 1; k < in->n_out; k++)
        if (in->operands[in->n_in + k] != ARTIFACT_NO_TENSOR)
            return false;
    return is_view(in);
}

static bool inputs_known(const struct plan *pl, const struct program_instr *in)
{
    struct tensor **ops = operands_of(pl, in);
    for (int k = 0; k < in->n_in; k++)
        if (ops[k] && !ops[k]->data)
            return false;
    return true;
}

/* Room for the results among the known values; false when they are too large or too many. */
static bool take_known(struct plan *pl, const struct program_instr *in)
{
    struct bump b = {pl->known, pl->known_bytes, pl->known_used};
    struct tensor **out = operands_of(pl, in) + in->n_in;
    void *at[OP_OUTPUTS_MAX];
    for (int k = 0; k < in->n_out; k++) {
        uint64_t bytes = out[k] ? pl->values[out[k] - pl->tensors].bytes : 0;
        if (bytes > PLAN_VALUE_BYTES_MAX)
            return false;
        at[k] = bump_take(&b, MAX(bytes, 1), PLAN_ALIGN);
        if (!at[k])
            return false;
    }
    pl->known_used = b.used;
    for (int k = 0; k < in->n_out; k++)
        if (out[k]) {
            out[k]->data = at[k];
            pl->values[out[k] - pl->tensors].root = PLAN_NOWHERE;
        }
    return true;
}

/* Computes now what does not depend on the inputs' data. *done says whether it did. */
static enum status evaluate(struct plan *pl, const struct program_instr *in, uint64_t scratch,
                            bool *done, struct err *err)
{
    struct tensor **ops = operands_of(pl, in), **out = ops + in->n_in;
    *done = false;
    if (!(in->op->flags & OP_SHAPE_ONLY) && !inputs_known(pl, in))
        return OK;
    if (is_only_view(in)) {
        out[0]->data = ops[0]->data;
        pl->values[out[0] - pl->tensors].root = PLAN_NOWHERE;
        *done = true;
        return OK;
    }
    if (scratch || is_view(in) || !take_known(pl, in))
        return OK;
    *done = true;
    const struct op_run ctx = {in->params,
                               in->n_in,
                               in->n_out,
                               (const struct tensor *const *)ops,
                               (struct tensor *const *)out,
                               NULL,
                               NULL};
    return in->op->run(&ctx, err);
}

static uint64_t operand_bytes(const struct plan *pl, const struct program_instr *in)
{
    struct tensor **ops = operands_of(pl, in);
    uint64_t sum = 0, bytes;
    for (int k = 0; k < in->n_in + in->n_out; k++)
        if (ops[k] && tensor_bytes(ops[k], &bytes))
            sum += bytes; /* 128 times less than 2^63 may wrap: it only paces the clock */
    return sum;
}

static enum status plan_instr(struct plan *pl, const struct program_instr *in, struct err *err)
{
    struct tensor **ops = operands_of(pl, in);
    uint64_t scratch = 0, aligned;
    bool done = false;
    enum status s = plan_infer(pl, in, &scratch, err);
    if (s == OK && !pl->stepwise)
        s = evaluate(pl, in, scratch, &done, err);
    if (s == OK && !done && in->op->flags & OP_SIZED_BY_RUN)
        pl->stepwise = true;
    if (s != OK || done || pl->stepwise)
        return s;
    if (is_view(in)) {
        const struct plan_value *from = &pl->values[ops[0] - pl->tensors];
        struct plan_value *to = &pl->values[ops[in->n_in] - pl->tensors];
        if (to->bytes != from->bytes)
            return err_set(err, E_INTERNAL, "a view of %" PRIu64 " bytes has %" PRIu64, from->bytes,
                           to->bytes);
        to->root = from->root;
        if (from->root == PLAN_NOWHERE)
            ops[in->n_in]->data = ops[0]->data;
        if (is_only_view(in))
            return OK;
    }
    if (!checked_align(scratch, PLAN_ALIGN, &aligned))
        return err_set(err, E_TOO_LARGE, "scratch of %" PRIu64 " bytes", scratch);
    pl->scratch_bytes = MAX(pl->scratch_bytes, aligned);
    pl->steps[pl->n_steps++] = (struct plan_step){in, ops, operand_bytes(pl, in)};
    return OK;
}

/* Results must be what the signature says, or clients would be told wrong. */
enum status plan_check_outputs(const struct program *p, const struct tensor *tensors,
                               const int64_t *symbols, enum status misfit, struct err *err)
{
    const struct signature *sig = &p->signature;
    for (int i = 0; i < sig->n_outputs; i++) {
        const struct port *port = &sig->outputs[i];
        const struct tensor *t = &tensors[p->outputs[i]];
        bool fits = t->dtype == port->dtype && t->rank == port->rank;
        for (int k = 0; fits && k < port->rank; k++) {
            int64_t want = port->dims[k];
            if (dim_is_symbol(want))
                want = symbols[dim_symbol(want)];
            fits = want == DIM_FREE || want == t->dims[k];
        }
        char text[TENSOR_TEXT_MAX];
        if (!fits)
            return err_set(err, t->dtype == port->dtype ? misfit : E_CORRUPT,
                           "output \"%s\" came out as %s, which its signature does not allow",
                           port->name, tensor_text(t, text));
    }
    return OK;
}

static enum status plan_steps(struct plan *pl, const struct plan_shapes *shapes, int64_t items,
                              struct err *err)
{
    const struct program *p = pl->p;
    set_tensors(pl, shapes->in);
    for (uint32_t i = 0; i < p->p0.n_tensors; i++)
        if ((p->tensors[i].class == CLASS_CONST || p->tensors[i].class == CLASS_INPUT) &&
            !tensor_bytes(&pl->tensors[i], &pl->values[i].bytes))
            return err_set(err, E_TOO_LARGE, "tensor \"%s\" has no size", p->tensors[i].name);
    plan_items_begin(pl, items);
    enum status s = OK;
    for (uint32_t i = 0; s == OK && !pl->stepwise && i < p->p0.n_instrs; i++) {
        if (pl->by_items && !plan_items_take(pl, &p->instrs[i]))
            s = plan_items_end(pl, i, err);
        if (s == OK)
            s = plan_instr(pl, &p->instrs[i], err);
        if (s != OK)
            return err_prefix(err, "node \"%s\"", p->instrs[i].name);
    }
    return pl->by_items ? plan_items_end(pl, p->p0.n_instrs, err) : s;
}

enum status plan_make(struct plan *pl, const struct program *p, const struct plan_shapes *shapes,
                      void *book, struct err *err)
{
    open_book(pl, p, book);
    enum status s = plan_steps(pl, shapes, plan_items_of(p, shapes->in), err);
    if (s == OK && !pl->stepwise && pl->item_steps && !plan_items_pay(pl)) {
        open_book(pl, p, book);
        s = plan_steps(pl, shapes, 1, err);
    }
    if (s != OK || pl->stepwise)
        return s;
    s = plan_check_outputs(p, pl->tensors, shapes->symbols, E_CORRUPT, err);
    return s == OK ? plan_place(pl, shapes->staged, err) : s;
}

void plan_attach(struct plan *pl, uint8_t *values)
{
    pl->n_late = 0;
    for (uint32_t i = 0; i < pl->p->p0.n_tensors; i++) {
        if (pl->values[i].root == PLAN_NOWHERE)
            continue;
        int32_t root = plan_root(pl, (int32_t)i);
        const struct plan_value *v = &pl->values[root];
        if (v->off == UINT64_MAX)
            pl->late[pl->n_late++] = (int32_t)i;
        else
            pl->tensors[i].data = values + plan_offset(pl, (int32_t)i);
    }
}
