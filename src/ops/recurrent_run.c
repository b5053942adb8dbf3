/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The loop of LSTM, GRU and RNN. The input's part of the gates is one product for many time steps;
 * then step by step the state's part is added and the cell makes the new state. An item whose
 * sequence has ended keeps its state, and its output is 0: so the backward direction needs no
 * reversed copy, it begins where each item's sequence ends. */
#include <inttypes.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/as_f32.h"
#include "ops/recurrent.h"

/* One direction, and where its results go. */
struct pass {
    struct recurrent r;
    const struct cell *cell;
    const float *x;
    const struct tensor *lens; /* NULL: all items are as long as x */
    float *y, *gates;
    int64_t direction, chunk;
    bool backward;
};

static const struct tensor *operand(const struct op_run *ctx, int i)
{
    return i < ctx->n_in ? ctx->in[i] : NULL;
}

static float *output(const struct op_run *ctx, int i)
{
    return i < ctx->n_out && ctx->out[i] ? ctx->out[i]->data : NULL;
}

void recurrent_product(const struct recurrent *r, const float *h, const float *rows, int64_t n,
                       float *out)
{
    struct gemm g = {.m = r->batch, .n = n, .k = r->hidden, .alpha = 1};
    g.a = h;
    g.b = rows;
    g.y = out;
    g.lda = g.ldb = r->hidden;
    g.ldy = r->gates * r->hidden;
    g.trans_b = g.accumulate = true;
    gemm_f32(&g);
}

/* gates[n][batch][...] = what x and the biases give for the time steps from `first` on. */
static void input_part(const struct pass *p, int64_t first, int64_t n)
{
    const struct recurrent *r = &p->r;
    bool by_batch = r->params->by_batch;
    int64_t width = r->gates * r->hidden, late = p->cell->late_bias && r->params->late;
    struct gemm g = {.n = width, .k = r->input, .alpha = 1, .trans_b = true, .b = r->w};
    g.lda = g.ldb = r->input;
    g.m = by_batch ? n : n * r->batch;
    g.ldy = by_batch ? r->batch * width : width;
    for (int64_t i = 0; i < (by_batch ? r->batch : 1); i++) {
        g.a = p->x + (by_batch ? i * r->steps + first : first * r->batch) * r->input;
        g.y = p->gates + i * width;
        gemm_f32(&g);
    }
    float *at = p->gates;
    for (int64_t row = 0; r->b && row < n * r->batch; row++, at += width) {
        for (int64_t j = 0; j < width; j++)
            at[j] += r->b[j];
        for (int64_t j = 0; j < width - late * r->hidden; j++)
            at[j] += r->b[width + j];
    }
}

/* Where Y holds time step t of an item. */
static float *output_row(const struct pass *p, int64_t t, int64_t item)
{
    const struct recurrent *r = &p->r;
    int64_t d = r->params->directions;
    int64_t row = r->params->by_batch ? (item * r->steps + t) * d + p->direction
                                      : (t * d + p->direction) * r->batch + item;
    return p->y + row * r->hidden;
}

static void step(const struct pass *p, int64_t t, float *gates)
{
    const struct recurrent *r = &p->r;
    size_t bytes = (size_t)r->hidden * sizeof(float);
    p->cell->recur(r, gates);
    for (int64_t item = 0; item < r->batch; item++, gates += r->gates * r->hidden) {
        bool ended = p->lens && t >= tensor_get_i64(p->lens, item);
        if (!ended)
            p->cell->update(r, item, gates);
        if (p->y && ended)
            memset(output_row(p, t, item), 0, bytes);
        else if (p->y)
            memcpy(output_row(p, t, item), r->h + item * r->hidden, bytes);
    }
}

static void run_pass(const struct pass *p)
{
    const struct recurrent *r = &p->r;
    int64_t width = r->batch * r->gates * r->hidden;
    for (int64_t done = 0; done < r->steps; done += p->chunk) {
        int64_t n = MIN(p->chunk, r->steps - done);
        int64_t first = p->backward ? r->steps - done - n : done;
        input_part(p, first, n);
        for (int64_t i = 0; i < n; i++) {
            int64_t at = p->backward ? n - 1 - i : i;
            step(p, first + at, p->gates + at * width);
        }
    }
}

/* Copies a direction's states between our [batch][hidden] and the operands' layout. */
static void move_state(const struct pass *p, float *ours, float *theirs, bool in)
{
    const struct recurrent *r = &p->r;
    size_t bytes = (size_t)r->hidden * sizeof(float);
    for (int64_t item = 0; item < r->batch; item++, ours += r->hidden) {
        int64_t row = r->params->by_batch ? item * r->params->directions + p->direction
                                          : p->direction * r->batch + item;
        if (!theirs)
            memset(ours, 0, bytes);
        else if (in)
            memcpy(ours, theirs + row * r->hidden, bytes);
        else
            memcpy(theirs + row * r->hidden, ours, bytes);
    }
}

static enum status check_lens(const char *op, const struct tensor *lens, int64_t steps,
                              struct err *err)
{
    for (int64_t i = 0; lens && i < tensor_count(lens); i++) {
        int64_t len = tensor_get_i64(lens, i);
        if (len < 0 || len > steps)
            return err_set(err, E_BAD_INPUT,
                           "%s: sequence length %" PRId64 " of item %" PRId64
                           " is outside 0 to %" PRId64,
                           op, len, i, steps);
    }
    return OK;
}

/* Direction d's part of an operand of `size` floats a direction; NULL when it is left out. */
static float *part(const struct op_run *ctx, int i, int64_t d, int64_t size)
{
    const struct tensor *t = operand(ctx, i);
    return t ? (float *)t->data + d * size : NULL;
}

static void run_direction(const struct op_run *ctx, struct pass *p, int64_t d)
{
    struct recurrent *r = &p->r;
    int64_t width = r->gates * r->hidden;
    p->direction = d;
    p->backward = d == 1 || r->params->backward;
    r->acts = r->params->acts[d];
    r->w = part(ctx, 1, d, width * r->input);
    r->r = part(ctx, 2, d, width * r->hidden);
    r->b = part(ctx, 3, d, 2 * width);
    r->p = part(ctx, 7, d, 3 * r->hidden);
    move_state(p, r->h, part(ctx, 5, 0, 0), true);
    move_state(p, r->c, part(ctx, 6, 0, 0), true);
    run_pass(p);
    if (output(ctx, 1))
        move_state(p, r->h, output(ctx, 1), false);
    if (output(ctx, 2))
        move_state(p, r->c, output(ctx, 2), false);
}

static enum status run_f32(const struct op_run *ctx, struct err *err)
{
    const struct recurrent_params *params = ctx->params;
    const struct cell *cell = params->cell;
    const struct tensor *x = ctx->in[0], *lens = operand(ctx, 4);
    struct pass p = {.cell = cell, .x = x->data, .lens = lens, .y = output(ctx, 0)};
    const int64_t tbi[] = {x->dims[params->by_batch], x->dims[!params->by_batch], x->dims[2]};
    uint64_t bytes;
    p.r = (struct recurrent){.params = params, .steps = tbi[0], .batch = tbi[1], .input = tbi[2]};
    p.r.hidden = ctx->in[2]->dims[2];
    p.r.gates = cell->gates;
    enum status s = recurrent_scratch(cell, tbi, p.r.hidden, &p.chunk, &bytes, err);
    if (s == OK)
        s = check_lens(cell->op, lens, tbi[0], err);
    if (s != OK || tbi[1] == 0)
        return s;
    int64_t state = p.r.batch * p.r.hidden;
    p.r.h = ctx->scratch;
    p.r.c = p.r.h + state;
    p.r.room = p.r.c + state;
    p.gates = p.r.room + state;
    for (int d = 0; d < params->directions; d++)
        run_direction(ctx, &p, d);
    return OK;
}

enum status recurrent_run(const struct op_run *ctx, struct err *err)
{
    return as_f32_run(ctx, run_f32, AS_F32_HALF | AS_F32_F64, err);
}
