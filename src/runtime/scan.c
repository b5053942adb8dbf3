/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Scan: for each slice of its operands the body runs once. A slice along the first axis is a view
 * of the operand; along another one it is copied. Version 8 does this for each item of a batch,
 * whose sequences may be shorter than the longest: what they lack reads as 0 in the results. */
#include <inttypes.h>
#include <string.h>

#include "runtime/control_priv.h"

/* x without its axis, at index; *piece is held for the caller. */
static enum status slice(const struct frame *f, const struct tensor *x, struct piece *of, int axis,
                         int64_t index, struct tensor *out, struct piece **piece, struct err *err)
{
    uint64_t outer = 1, inner = dtype_bytes(x->dtype);
    *out = (struct tensor){.dtype = x->dtype, .rank = x->rank - 1, .data = x->data};
    for (int k = 0; k < x->rank; k++) {
        if (k != axis)
            out->dims[k < axis ? k : k - 1] = x->dims[k];
        if (k < axis)
            outer *= (uint64_t)x->dims[k];
        if (k > axis)
            inner *= (uint64_t)x->dims[k];
    }
    *piece = of;
    if (!outer || !inner || outer == 1) {
        if (outer && inner)
            out->data = (uint8_t *)x->data + (uint64_t)index * inner;
        step_heap_hold(of);
        return OK;
    }
    enum status s = step_heap_take(&f->s->heap, outer * inner, piece, err);
    if (s != OK)
        return s;
    const uint8_t *from = (const uint8_t *)x->data + (uint64_t)index * inner;
    out->data = piece_data(*piece);
    for (uint64_t i = 0; i < outer; i++)
        memcpy((uint8_t *)out->data + i * inner, from + i * (uint64_t)x->dims[axis] * inner, inner);
    return OK;
}

/* ---- the operands ---- */

static int32_t scanned(const struct frame *f, int m)
{
    return frame_operand(f, f->c->n_own - f->c->n_sliced + m);
}

/* The axis along which operand m is scanned; of a batch, the one behind the batch. */
static enum status axis_of(const struct frame *f, int m, int *axis, struct err *err)
{
    const struct tensor *x = &f->s->tensors[scanned(f, m)];
    int64_t a = f->c->batched ? 1 : f->c->in.n_axes ? f->c->in.axes[m] : 0;
    char text[TENSOR_TEXT_MAX];
    if (a < 0)
        a += x->rank;
    if (a < 0 || a >= x->rank)
        return err_set(err, E_BAD_INPUT, "it is to scan %s along axis %" PRId64,
                       tensor_text(x, text), a);
    *axis = (int)a;
    return OK;
}

/* How many slices there are: as many of each. */
static enum status read_length(struct frame *f, struct err *err)
{
    for (int m = 0; m < f->c->n_sliced; m++) {
        int axis;
        enum status s = axis_of(f, m, &axis, err);
        if (s != OK)
            return s;
        const int64_t n = f->s->tensors[scanned(f, m)].dims[axis];
        if (m && n != f->length)
            return err_set(err, E_BAD_INPUT,
                           "it is to scan %" PRId64 " slices of one input and %" PRId64
                           " of another",
                           f->length, n);
        f->length = n;
    }
    return OK;
}

/* Slice i of each operand, of batch item b. */
static enum status define_slices(const struct frame *f, int64_t b, int64_t i, int64_t length,
                                 struct err *err)
{
    for (int m = 0; m < f->c->n_sliced; m++) {
        const int32_t from = scanned(f, m);
        const bool reverse = f->c->in.n_directions && f->c->in.directions[m];
        const int32_t formal = f->body->formals[f->c->n_state + m];
        struct tensor x = f->s->tensors[from], item;
        struct piece *of = f->s->values[from].piece, *piece;
        int axis;
        enum status s = axis_of(f, m, &axis, err);
        if (s == OK && f->c->batched) {
            s = slice(f, &x, of, 0, b, &item, &piece, err);
            x = item;
            axis = 0;
            step_heap_drop(&f->s->heap, s == OK ? piece : NULL); /* the operand holds it too */
        }
        if (s == OK)
            s = slice(f, &x, of, axis, reverse ? length - 1 - i : i, &item, &piece, err);
        if (s != OK)
            return s;
        stepper_define(f->s, formal, &item, piece);
        step_heap_drop(&f->s->heap, piece);
    }
    return OK;
}

/* ---- one sequence ---- */

static uint64_t slice_bytes(const struct frame *f)
{
    uint64_t sum = 0, bytes;
    for (int m = 0; m < f->c->n_sliced; m++)
        if (f->length && tensor_bytes(&f->s->tensors[scanned(f, m)], &bytes))
            sum += bytes / (uint64_t)f->length;
    return sum;
}

/* The states, from where they stand, through `length` slices of item b. */
static enum status run_sequence(struct frame *f, int64_t b, int64_t length, struct err *err)
{
    const uint64_t bytes = slice_bytes(f);
    enum status s = OK;
    for (int k = 0; k < f->c->n_state; k++)
        f->state[k].dtype = f->state[k].t.dtype;
    for (int64_t i = 0; s == OK && i < length; i++) {
        s = guard_step(&f->s->guard, bytes, err);
        if (s != OK)
            return s;
        frame_define_states(f, 0);
        s = define_slices(f, b, i, length, err);
        if (s != OK)
            return s;
        frame_define_captures(f);
        s = stepper_run(f->s, f->body, err);
        if (s == OK)
            s = frame_take_results(f, 0, i, err);
    }
    return s;
}

static void set_collects(struct frame *f, int64_t count)
{
    for (int k = 0; k < f->c->n_scans; k++) {
        f->scans[k].axis = f->c->out.n_axes ? f->c->out.axes[k] : 0;
        f->scans[k].count = count;
        f->scans[k].zeros = f->c->batched;
    }
}

static enum status run_one(struct frame *f, struct err *err)
{
    set_collects(f, f->length);
    for (int k = 0; k < f->c->n_state; k++)
        frame_set_state(f, k, frame_operand(f, k));
    enum status s = run_sequence(f, 0, f->length, err);
    if (s != OK)
        return s;
    frame_give_states(f);
    return frame_give_scans(f, f->length, err);
}

/* ---- version 8: a batch of them ---- */

/* The batch dim, which all operands have in common. */
static enum status read_batch(const struct frame *f, int64_t *batch, struct err *err)
{
    for (int k = 1; k < f->c->n_own; k++) {
        const struct tensor *t = &f->s->tensors[frame_operand(f, k)];
        char text[TENSOR_TEXT_MAX];
        if (t->rank < 1 || (k > 1 && t->dims[0] != *batch))
            return err_set(err, E_BAD_INPUT, "its input %d is %s, which has not the others' batch",
                           k, tensor_text(t, text));
        *batch = t->dims[0];
    }
    return OK;
}

static enum status length_of(const struct frame *f, int64_t batch, int64_t b, int64_t *length,
                             struct err *err)
{
    const int32_t lengths = frame_operand(f, 0);
    *length = f->length;
    if (lengths == ARTIFACT_NO_TENSOR)
        return OK;
    const struct tensor *t = &f->s->tensors[lengths];
    char text[TENSOR_TEXT_MAX];
    if (t->dtype != DT_I64 || t->rank != 1 || t->dims[0] != batch)
        return err_set(err, E_BAD_INPUT, "its lengths are %s, expected int64[%" PRId64 "]",
                       tensor_text(t, text), batch);
    *length = tensor_get_i64(t, b);
    if (*length < 0 || *length > f->length)
        return err_set(err, E_BAD_INPUT,
                       "a length is %" PRId64 ", the longest sequence has %" PRId64, *length,
                       f->length);
    return OK;
}

static enum status set_item_states(struct frame *f, int64_t b, struct err *err)
{
    enum status s = OK;
    for (int k = 0; s == OK && k < f->c->n_state; k++) {
        const int32_t from = frame_operand(f, 1 + k);
        struct carried *c = &f->state[k];
        s = slice(f, &f->s->tensors[from], f->s->values[from].piece, 0, b, &c->t, &c->piece, err);
    }
    return s;
}

/* The final states of item b. */
static enum status keep_item_states(struct frame *f, int64_t b, struct err *err)
{
    enum status s = OK;
    for (int k = 0; s == OK && k < f->c->n_state; k++) {
        s = collect_put(f->s, &f->scans[f->c->n_scans + k], b, &f->state[k].t, err);
        step_heap_drop(&f->s->heap, f->state[k].piece);
    }
    return s;
}

/* [batch * length, ...] is [batch, length, ...]. */
static enum status give_batched(struct frame *f, int64_t batch, struct err *err)
{
    static const struct tensor nothing = {.dtype = DT_NONE};
    for (int k = 0; k < f->c->n_state + f->c->n_scans; k++) {
        const bool state = k < f->c->n_state;
        struct collect *c = &f->scans[state ? f->c->n_scans + k : k - f->c->n_state];
        struct tensor t, declared = nothing;
        struct piece *piece;
        if (frame_operand(f, f->in->n_in + k) == ARTIFACT_NO_TENSOR)
            continue;
        if (!state)
            control_declared(f->c, k - f->c->n_state, &declared);
        enum status s =
            collect_end(f->s, c, state ? batch : batch * f->length, &declared, &t, &piece, err);
        if (s == OK && !state && t.rank == TENSOR_RANK_MAX)
            s = err_set(err, E_UNSUPPORTED, "its result would have rank %d", t.rank + 1);
        if (s != OK)
            return s;
        if (!state) {
            memmove(&t.dims[1], &t.dims[0], (size_t)t.rank * sizeof(t.dims[0]));
            t.dims[0] = batch;
            t.dims[1] = f->length;
            t.rank++;
        }
        frame_give(f, k, &t, piece);
    }
    return OK;
}

static enum status run_batch(struct frame *f, struct err *err)
{
    int64_t batch = 0, slots, length;
    enum status s = read_batch(f, &batch, err);
    if (s != OK)
        return s;
    if (__builtin_mul_overflow(batch, f->length, &slots))
        return err_set(err, E_TOO_LARGE, "%" PRId64 " times %" PRId64 " slices", batch, f->length);
    set_collects(f, slots);
    for (int k = 0; k < f->c->n_state; k++)
        f->scans[f->c->n_scans + k].count = batch;
    for (int64_t b = 0; s == OK && b < batch; b++) {
        s = guard_step(&f->s->guard, 0, err);
        if (s == OK)
            s = length_of(f, batch, b, &length, err);
        if (s == OK)
            s = set_item_states(f, b, err);
        f->base = b * f->length;
        if (s == OK)
            s = run_sequence(f, b, length, err);
        if (s == OK)
            s = keep_item_states(f, b, err);
    }
    return s == OK ? give_batched(f, batch, err) : s;
}

enum status frame_run_scan(struct frame *f, struct err *err)
{
    enum status s = read_length(f, err);
    if (s != OK)
        return s;
    return f->c->batched ? run_batch(f, err) : run_one(f, err);
}
