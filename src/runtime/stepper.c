/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The stepwise run; see stepper.h. What an instruction needs stands in struct todo while it is
 * executed; after an error nothing is undone, because the next run starts with an empty heap. */
#include "runtime/stepper.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "runtime/control.h"
#include "runtime/plan_priv.h"

/* One instruction that is being executed. */
struct todo {
    const struct program_instr *in;
    struct tensor **ops, **out; /* n_in operands, n_out results; NULL: left out */
    uint64_t scratch_bytes, text_bytes;
    uint64_t bytes[OP_OUTPUTS_MAX];       /* of each result, as inferred */
    struct piece *pieces[OP_OUTPUTS_MAX]; /* taken for it and held while it is made; or NULL */
};

uint64_t stepper_book_bytes(const struct program *p)
{
    const struct artifact_page0 *p0 = &p->p0; /* its caps keep the sums far below 2^64 */
    return p0->n_tensors * (sizeof(struct tensor) + sizeof(struct step_value)) +
           p0->n_operands * sizeof(struct tensor *) + 3 * (uint64_t)PIECE_ALIGN;
}

static void *take(struct bump *b, uint64_t bytes)
{
    void *p = bump_take(b, bytes, PIECE_ALIGN);
    ASSERT(p); /* stepper_book_bytes counts these very takes */
    return p;
}

static void count_reads(struct stepper *s, const struct program_block *b)
{
    for (uint32_t i = 0; i < b->n_instrs; i++)
        for (int k = 0; k < b->instrs[i].n_in; k++)
            if (b->instrs[i].operands[k] != ARTIFACT_NO_TENSOR)
                s->values[b->instrs[i].operands[k]].reads++;
    for (uint32_t i = 0; i < b->n_outputs; i++)
        s->values[b->outputs[i]].reads++;
}

void stepper_init(struct stepper *s, const struct program *p, void *book)
{
    struct bump b = {book, stepper_book_bytes(p), 0};
    memset(s, 0, sizeof(*s));
    s->p = p;
    s->tensors = take(&b, p->p0.n_tensors * sizeof(*s->tensors));
    s->operands = take(&b, p->p0.n_operands * sizeof(*s->operands));
    s->values = take(&b, p->p0.n_tensors * sizeof(*s->values));
    for (uint32_t i = 0; i < p->p0.n_tensors; i++) {
        s->tensors[i] = p->tensors[i].t;
        s->values[i] = (struct step_value){0};
    }
    for (uint32_t i = 0; i < p->p0.n_operands; i++)
        s->operands[i] = p->operands[i] == ARTIFACT_NO_TENSOR ? NULL : &s->tensors[p->operands[i]];
    for (uint32_t i = 0; i <= p->p0.n_blocks; i++)
        count_reads(s, &p->blocks[i]);
}

enum status stepper_start(struct stepper *s, struct arena *arena, const struct run_limits *limits,
                          struct err *err)
{
    for (uint32_t i = 0; i < s->p->p0.n_tensors; i++) {
        s->values[i].piece = NULL;
        s->values[i].left = 0;
    }
    enum status st = step_heap_open(&s->heap, arena, err);
    return st == OK ? guard_start(&s->guard, limits, err) : st;
}

void stepper_define(struct stepper *s, int32_t index, const struct tensor *t, struct piece *piece)
{
    struct step_value *v = &s->values[index];
    s->tensors[index] = *t;
    v->left = v->reads;
    v->piece = v->left ? piece : NULL;
    step_heap_hold(v->piece);
}

void stepper_read(struct stepper *s, int32_t index)
{
    struct step_value *v = &s->values[index];
    if (v->left == 0 || --v->left) /* constants are never counted down */
        return;
    step_heap_drop(&s->heap, v->piece);
    v->piece = NULL;
}

/* ---- one instruction ---- */

static int32_t index_of(const struct stepper *s, const struct tensor *t)
{
    return (int32_t)(t - s->tensors);
}

static enum status infer(struct todo *d, struct err *err)
{
    struct op_infer ctx = {.params = d->in->params,
                           .n_in = d->in->n_in,
                           .n_out = d->in->n_out,
                           .in = (const struct tensor *const *)d->ops,
                           .out = (struct tensor *const *)d->out};
    enum status s = op_infer_outputs(d->in->op, &ctx, err);
    for (int k = 0; s == OK && k < d->in->n_out; k++)
        if (d->out[k])
            s = plan_result_bytes(d->out[k], &d->bytes[k], err);
    d->scratch_bytes = ctx.scratch_bytes;
    d->text_bytes = ctx.text_bytes;
    return s;
}

/* What the instruction touches, which paces the clock. */
static uint64_t touched(const struct todo *d)
{
    uint64_t sum = d->scratch_bytes, bytes;
    for (int k = 0; k < d->in->n_in; k++)
        if (d->ops[k] && tensor_bytes(d->ops[k], &bytes))
            sum += bytes; /* of what is in memory, and so far below 2^64 */
    for (int k = 0; k < d->in->n_out; k++)
        sum += d->out[k] ? MIN(d->bytes[k], UINT32_MAX) : 0;
    return sum;
}

/* May result 0 overwrite operand 0: does nobody else read these bytes, now or later? */
static bool may_overwrite(const struct stepper *s, const struct todo *d)
{
    uint64_t bytes;
    if (!(d->in->op->flags & OP_IN_PLACE) || !d->in->n_in || !d->ops[0])
        return false;
    const struct step_value *v = &s->values[index_of(s, d->ops[0])];
    return v->piece && v->left == 1 && v->piece->holds == 1 && !d->text_bytes &&
           tensor_bytes(d->ops[0], &bytes) && bytes == d->bytes[0];
}

static bool is_view(const struct program_instr *in)
{
    return in->op->flags & OP_VIEW && in->n_in > 0;
}

/* A view without other results is no work at all. */
static bool is_only_view(const struct todo *d)
{
    for (int k = 1; k < d->in->n_out; k++)
        if (d->out[k])
            return false;
    return is_view(d->in);
}

/* Defines result k on bytes of its own. */
static enum status take_result(struct stepper *s, struct todo *d, int k, struct err *err)
{
    uint64_t bytes;
    char text[TENSOR_TEXT_MAX];
    if (!checked_add(d->bytes[k], k == 0 ? d->text_bytes : 0, &bytes))
        bytes = UINT64_MAX;
    enum status st = step_heap_take(&s->heap, bytes, &d->pieces[k], err);
    if (st != OK)
        return err_prefix(err, "a result %s", tensor_text(d->out[k], text));
    struct tensor t = *d->out[k];
    t.data = piece_data(d->pieces[k]);
    stepper_define(s, index_of(s, d->out[k]), &t, d->pieces[k]);
    return OK;
}

/* Defines result 0 on operand 0's bytes. */
static enum status share(struct stepper *s, const struct todo *d, struct err *err)
{
    uint64_t bytes;
    if (!d->ops[0] || !tensor_bytes(d->ops[0], &bytes) || bytes != d->bytes[0])
        return err_set(err, E_INTERNAL, "a view has other bytes than what it is of");
    struct tensor t = *d->out[0];
    t.data = d->ops[0]->data;
    stepper_define(s, index_of(s, d->out[0]), &t, s->values[index_of(s, d->ops[0])].piece);
    return OK;
}

static enum status place_results(struct stepper *s, struct todo *d, struct err *err)
{
    for (int k = 0; k < d->in->n_out; k++) {
        bool shared = k == 0 && (is_view(d->in) || may_overwrite(s, d));
        enum status st = OK;
        if (d->out[k])
            st = shared ? share(s, d, err) : take_result(s, d, k, err);
        if (st != OK)
            return st;
    }
    return OK;
}

/* Calls the kernel, with scratch of the heap. */
static enum status call(struct stepper *s, const struct todo *d, struct err *err)
{
    struct piece *scratch = NULL;
    enum status st = OK;
    if (d->scratch_bytes)
        st = step_heap_take(&s->heap, d->scratch_bytes, &scratch, err);
    if (st != OK)
        return err_prefix(err, "scratch of %" PRIu64 " bytes", d->scratch_bytes);
    const struct op_run ctx = {d->in->params,
                               d->in->n_in,
                               d->in->n_out,
                               (const struct tensor *const *)d->ops,
                               (struct tensor *const *)d->out,
                               scratch ? piece_data(scratch) : NULL,
                               NULL};
    st = d->in->op->run(&ctx, err);
    step_heap_drop(&s->heap, scratch);
    return st;
}

/* The run said how many elements there are: what they do not need goes back. */
static enum status settle_sizes(struct stepper *s, const struct todo *d, struct err *err)
{
    for (int k = 0; k < d->in->n_out; k++) {
        uint64_t bytes;
        char text[TENSOR_TEXT_MAX];
        if (!d->out[k])
            continue;
        enum status st = plan_result_bytes(d->out[k], &bytes, err);
        if (st != OK || bytes > d->bytes[k])
            return err_set(err, E_INTERNAL, "a result grew to %s", tensor_text(d->out[k], text));
        if (d->pieces[k] && !(k == 0 && d->text_bytes))
            step_heap_trim(&s->heap, d->pieces[k], bytes);
    }
    return OK;
}

/* All but control flow. */
static enum status compute(struct stepper *s, struct todo *d, struct err *err)
{
    enum status st = infer(d, err);
    if (st == OK)
        st = guard_step(&s->guard, touched(d), err);
    if (st == OK)
        st = place_results(s, d, err);
    if (st == OK && !is_only_view(d))
        st = call(s, d, err);
    if (st == OK && d->in->op->flags & OP_SIZED_BY_RUN)
        st = settle_sizes(s, d, err);
    if (st != OK)
        return st;
    /* Text stays until the run ends: elements that point at it may be copied anywhere. */
    for (int k = d->text_bytes ? 1 : 0; k < d->in->n_out; k++)
        step_heap_drop(&s->heap, d->pieces[k]);
    return OK;
}

static enum status control(struct stepper *s, const struct program_instr *in, struct err *err)
{
    enum status st = guard_step(&s->guard, 0, err);
    return st == OK ? stepper_control(s, in, err) : st;
}

static enum status execute(struct stepper *s, const struct program_instr *in, struct err *err)
{
    struct tensor **ops = s->operands + (in->operands - s->p->operands);
    enum status st;
    if (in->op->flags & OP_CONTROL) {
        st = control(s, in, err);
    } else {
        struct todo d = {.in = in, .ops = ops, .out = ops + in->n_in};
        st = compute(s, &d, err);
    }
    for (int k = 0; st == OK && k < in->n_in; k++)
        if (ops[k])
            stepper_read(s, index_of(s, ops[k]));
    return st;
}

enum status stepper_run(struct stepper *s, const struct program_block *b, struct err *err)
{
    for (uint32_t i = 0; i < b->n_instrs; i++)
        if (execute(s, &b->instrs[i], err) != OK)
            return err_prefix(err, "node \"%s\"", b->instrs[i].name);
    return OK;
}
