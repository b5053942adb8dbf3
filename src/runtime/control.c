/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Values go into a body by defining its formals on the bytes of what they stand for, and come out
 * by holding the pieces of its results: nothing is copied but slices. A loop's own tables lie in a
 * piece of the heap, so that bodies in bodies cost no stack to speak of. */
#include "runtime/control.h"

#include <string.h>

#include "runtime/control_priv.h"

/* ---- values in and out ---- */

/* Tensor `to` is what tensor `from` is. */
static void define_as(struct stepper *s, int32_t to, int32_t from)
{
    stepper_define(s, to, &s->tensors[from], s->values[from].piece);
}

void frame_define_captures(const struct frame *f)
{
    const uint32_t first = f->body->n_formals - (uint32_t)f->c->n_captures;
    for (int k = 0; k < f->c->n_captures; k++)
        define_as(f->s, f->body->formals[first + (uint32_t)k], frame_operand(f, f->c->n_own + k));
}

/* Defines the control instruction's result k and gives up the caller's hold of the piece. */
void frame_give(const struct frame *f, int k, const struct tensor *t, struct piece *piece)
{
    const int32_t to = f->in->operands[f->in->n_in + k];
    if (to != ARTIFACT_NO_TENSOR)
        stepper_define(f->s, to, t, piece);
    step_heap_drop(&f->s->heap, piece);
}

/* A value of one element, of the body's or among the operands. */
enum status control_want_one(const struct tensor *t, enum dtype dtype, const char *what,
                             struct err *err)
{
    char text[TENSOR_TEXT_MAX];
    if (t->dtype == dtype && tensor_count(t) == 1)
        return OK;
    return err_set(err, E_BAD_INPUT, "its %s is %s, expected one element of %s", what,
                   tensor_text(t, text), dtype_text(dtype));
}

static enum status read_bool(const struct tensor *t, bool *out, struct err *err)
{
    enum status s = control_want_one(t, DT_BOOL, "condition", err);
    if (s == OK)
        *out = *(const uint8_t *)t->data != 0;
    return s;
}

/* Defines a formal as one number of its own. */
static enum status define_number(const struct frame *f, uint32_t formal, enum dtype dtype,
                                 int64_t value, struct err *err)
{
    struct tensor t = {.dtype = dtype, .rank = 0};
    struct piece *piece;
    enum status s = step_heap_take(&f->s->heap, sizeof(value), &piece, err);
    if (s != OK)
        return s;
    t.data = memcpy(piece_data(piece), &value, sizeof(value)); /* a bool is its first byte */
    stepper_define(f->s, f->body->formals[formal], &t, piece);
    step_heap_drop(&f->s->heap, piece);
    return OK;
}

/* ---- If ---- */

static enum status run_if(struct stepper *s, const struct program_instr *in, struct err *err)
{
    struct frame f = {.s = s, .in = in, .c = in->params};
    bool yes;
    enum status st = read_bool(&s->tensors[frame_operand(&f, 0)], &yes, err);
    if (st != OK)
        return st;
    f.body = &s->p->blocks[f.c->body[yes ? 0 : 1]];
    frame_define_captures(&f);
    st = stepper_run(s, f.body, err);
    for (int k = 0; st == OK && k < in->n_out; k++) {
        const int32_t result = f.body->outputs[k], to = in->operands[in->n_in + k];
        if (to != ARTIFACT_NO_TENSOR)
            define_as(s, to, result);
        stepper_read(s, result);
    }
    return st;
}

/* ---- what Loop and Scan share ---- */

static enum status frame_open(struct frame *f, struct err *err)
{
    const int n_collects = f->c->n_scans + (f->c->batched ? f->c->n_state : 0);
    const uint64_t bytes =
        (uint64_t)f->c->n_state * sizeof(*f->state) + (uint64_t)n_collects * sizeof(*f->scans);
    enum status s = step_heap_take(&f->s->heap, bytes, &f->piece, err);
    if (s != OK)
        return s;
    f->state = memset(piece_data(f->piece), 0, bytes);
    f->scans = (struct collect *)(f->state + f->c->n_state);
    return OK;
}

static void frame_close(struct frame *f)
{
    step_heap_drop(&f->s->heap, f->piece);
}

void frame_set_state(const struct frame *f, int k, int32_t from)
{
    struct carried *c = &f->state[k];
    c->t = f->s->tensors[from];
    c->piece = f->s->values[from].piece;
    step_heap_hold(c->piece);
}

/* The states go into formals `first` and up. Nobody else holds them from then on, so that the body
 * may overwrite what it reads for the last time. */
void frame_define_states(const struct frame *f, uint32_t first)
{
    for (int k = 0; k < f->c->n_state; k++) {
        struct carried *c = &f->state[k];
        stepper_define(f->s, f->body->formals[first + (uint32_t)k], &c->t, c->piece);
        step_heap_drop(&f->s->heap, c->piece);
    }
}

/* Where slice i of scanned result k goes. */
static int64_t slot_of(const struct frame *f, int k, int64_t i)
{
    const struct control_scan *out = &f->c->out;
    const bool reverse = out->n_directions && out->directions[k];
    return f->base + (reverse ? f->length - 1 - i : i);
}

/* The body's results `first` and up are the next states, what follows them slices. All are held
 * before any is counted as read, because one value may be several results. */
enum status frame_take_results(struct frame *f, uint32_t first, int64_t i, struct err *err)
{
    const int32_t *results = f->body->outputs + first;
    char text[TENSOR_TEXT_MAX];
    enum status s = OK;
    for (int k = 0; k < f->c->n_state; k++) {
        frame_set_state(f, k, results[k]);
        if (f->state[k].t.dtype != f->state[k].dtype)
            return err_set(err, E_BAD_INPUT, "its carried value %d began as %s and became %s", k,
                           dtype_text(f->state[k].dtype), tensor_text(&f->state[k].t, text));
    }
    for (int k = 0; s == OK && k < f->c->n_scans; k++)
        if (frame_operand(f, f->in->n_in + f->c->n_state + k) != ARTIFACT_NO_TENSOR)
            s = collect_put(f->s, &f->scans[k], slot_of(f, k, i),
                            &f->s->tensors[results[f->c->n_state + k]], err);
    for (int k = 0; s == OK && k < f->c->n_state + f->c->n_scans; k++)
        stepper_read(f->s, results[k]);
    return s;
}

void frame_give_states(const struct frame *f)
{
    for (int k = 0; k < f->c->n_state; k++)
        frame_give(f, k, &f->state[k].t, f->state[k].piece);
}

enum status frame_give_scans(const struct frame *f, int64_t n, struct err *err)
{
    enum status s = OK;
    for (int k = 0; s == OK && k < f->c->n_scans; k++) {
        const int out = f->c->n_state + k;
        struct tensor t, declared;
        struct piece *piece;
        if (frame_operand(f, f->in->n_in + out) == ARTIFACT_NO_TENSOR)
            continue;
        control_declared(f->c, k, &declared);
        s = collect_end(f->s, &f->scans[k], n, &declared, &t, &piece, err);
        if (s == OK)
            frame_give(f, out, &t, piece);
    }
    return s;
}

/* ---- Loop ---- */

static enum status read_limits(const struct frame *f, int64_t *most, bool *go, struct err *err)
{
    const struct stepper *s = f->s;
    enum status st = OK;
    *most = INT64_MAX;
    *go = true;
    if (frame_operand(f, 0) != ARTIFACT_NO_TENSOR) {
        const struct tensor *t = &s->tensors[frame_operand(f, 0)];
        st = control_want_one(t, DT_I64, "trip count", err);
        if (st == OK)
            *most = tensor_get_i64(t, 0);
    }
    if (st == OK && frame_operand(f, 1) != ARTIFACT_NO_TENSOR)
        st = read_bool(&s->tensors[frame_operand(f, 1)], go, err);
    return st;
}

/* Iteration i; *go says whether the body wants another one. */
static enum status iterate(struct frame *f, int64_t i, bool *go, struct err *err)
{
    enum status s = guard_step(&f->s->guard, 0, err);
    if (s == OK)
        s = define_number(f, 0, DT_I64, i, err);
    if (s == OK)
        s = define_number(f, 1, DT_BOOL, *go, err);
    if (s != OK)
        return s;
    frame_define_states(f, 2);
    frame_define_captures(f);
    s = stepper_run(f->s, f->body, err);
    if (s == OK)
        s = read_bool(&f->s->tensors[f->body->outputs[0]], go, err);
    if (s == OK)
        s = frame_take_results(f, 1, i, err);
    if (s == OK)
        stepper_read(f->s, f->body->outputs[0]);
    return s;
}

static enum status run_loop(struct frame *f, struct err *err)
{
    int64_t most, i = 0;
    bool go;
    enum status s = read_limits(f, &most, &go, err);
    for (int k = 0; k < f->c->n_state; k++) {
        frame_set_state(f, k, frame_operand(f, 2 + k));
        f->state[k].dtype = f->state[k].t.dtype;
    }
    for (int k = 0; k < f->c->n_scans; k++)
        f->scans[k].count = COLLECT_GROWS;
    for (; s == OK && go && i < most; i++)
        s = iterate(f, i, &go, err);
    if (s != OK)
        return s;
    frame_give_states(f);
    return frame_give_scans(f, i, err);
}

enum status stepper_control(struct stepper *s, const struct program_instr *in, struct err *err)
{
    struct frame f = {.s = s, .in = in, .c = in->params};
    if (f.c->kind == CONTROL_IF)
        return run_if(s, in, err);
    f.body = &s->p->blocks[f.c->body[0]];
    enum status st = frame_open(&f, err);
    if (st == OK)
        st = f.c->kind == CONTROL_LOOP ? run_loop(&f, err) : frame_run_scan(&f, err);
    frame_close(&f);
    return st;
}
