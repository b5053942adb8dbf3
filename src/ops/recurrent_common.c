/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What LSTM, GRU and RNN read, and what shapes go together. With layout 1 batch stands before time
 * in X and Y, and before direction in the states.
 * All floats are computed in float32, float64 too.
 * source: ONNX LSTM-1, 7, 14 (layout); GRU-3, 7, 14; RNN-1, 7, 14 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "ops/as_f32.h"
#include "ops/recurrent.h"

enum { CHUNK_FLOATS = 1 << 18 }; /* aimed size of the gates that are computed at once */

static enum status read_direction(const struct op_node *node, struct recurrent_params *p,
                                  struct err *err)
{
    static const char *const names[] = {"forward", "reverse", "bidirectional"};
    const char *s;
    size_t len;
    enum status st = attr_string(&node->attrs, ATTR_direction, "forward", &s, &len, err);
    if (st != OK)
        return st;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strlen(names[i]) == len && memcmp(names[i], s, len) == 0) {
            p->backward = i == 1;
            p->directions = i == 2 ? 2 : 1;
            return OK;
        }
    return err_set(err, E_CORRUPT, "attribute direction is not one that ONNX knows");
}

enum status recurrent_prepare(const struct op_node *node, const struct cell *cell,
                              struct recurrent_params *p, struct err *err)
{
    p->cell = cell;
    enum status s = read_direction(node, p, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_hidden_size, 0, &p->hidden, err);
    if (s == OK)
        s = attr_float(&node->attrs, ATTR_clip, 0, &p->clip, err);
    if (s == OK)
        s = op_flag(node, ATTR_input_forget, 0, &p->coupled, err);
    if (s == OK)
        s = op_flag(node, ATTR_linear_before_reset, 0, &p->late, err);
    if (s == OK)
        s = op_flag(node, ATTR_layout, 0, &p->by_batch, err);
    if (s == OK)
        s = cell_acts_read(node, cell->acts, cell->n_acts, p->directions, p->acts, err);
    if (s == OK && (p->hidden < 0 || isnan(p->clip) || p->clip < 0))
        return err_set(err, E_CORRUPT, "%s: hidden_size %" PRId64 " and clip %g: at least 0 each",
                       cell->op, p->hidden, (double)p->clip);
    return s;
}

static bool is_shape(const struct tensor *t, int rank, const int64_t *dims)
{
    return t->rank == rank && memcmp(t->dims, dims, (size_t)rank * sizeof(dims[0])) == 0;
}

enum status recurrent_scratch(const struct cell *cell, const int64_t dims[3], int64_t hidden,
                              int64_t *chunk, uint64_t *bytes, struct err *err)
{
    uint64_t state, row, all;
    if (!checked_mul((uint64_t)dims[1], (uint64_t)hidden, &state) ||
        !checked_mul(state, (uint64_t)cell->gates, &row) || row > INT64_MAX / 64)
        return err_set(err, E_UNSUPPORTED, "%s: the gates have no size", cell->op);
    *chunk = MIN(MAX(CHUNK_FLOATS / MAX((int64_t)row, 1), 1), MAX(dims[0], 1));
    if (!checked_mul(row, (uint64_t)*chunk, &all) || !checked_add(all, 3 * state, &all) ||
        !checked_mul(all, sizeof(float), bytes) || *bytes > INT64_MAX)
        return err_set(err, E_UNSUPPORTED, "%s: the gates have no size", cell->op);
    return OK;
}

/* Operand i, when given, is of this shape. */
static enum status expect(const struct op_infer *c, const char *op, int i, int rank,
                          const int64_t *dims, struct err *err)
{
    if (i >= c->n_in || !c->in[i] || is_shape(c->in[i], rank, dims))
        return OK;
    struct tensor want = {.dtype = c->in[i]->dtype};
    char text[TENSOR_TEXT_MAX];
    tensor_set_shape(&want, want.dtype, rank, dims);
    return op_bad(op, i, c->in[i], tensor_text(&want, text), err);
}

/* Time, batch and input of X; hidden units of R; all operands have the shapes that follow. */
static enum status check_shapes(const struct op_infer *ctx, const struct cell *cell, int64_t tbi[3],
                                int64_t *hidden, struct err *err)
{
    const struct recurrent_params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *r = ctx->in[2];
    if (x->rank != 3 || x->dims[2] < 1)
        return op_bad(cell->op, 0, x, "time, batch and input size", err);
    if (r->rank != 3 || r->dims[2] < 1 || r->dims[2] > OP_EXTENT_MAX ||
        (p->hidden && p->hidden != r->dims[2]))
        return op_bad(cell->op, 2, r, "directions, gates and hidden_size", err);
    int64_t d = p->directions, h = r->dims[2], rows = h * cell->gates;
    tbi[0] = x->dims[p->by_batch];
    tbi[1] = x->dims[!p->by_batch];
    tbi[2] = x->dims[2];
    *hidden = h;
    enum status s = expect(ctx, cell->op, 1, 3, (int64_t[]){d, rows, tbi[2]}, err);
    if (s == OK)
        s = expect(ctx, cell->op, 2, 3, (int64_t[]){d, rows, h}, err);
    if (s == OK)
        s = expect(ctx, cell->op, 3, 2, (int64_t[]){d, 2 * rows}, err);
    if (s == OK)
        s = expect(ctx, cell->op, 4, 1, &tbi[1], err);
    const int64_t state[] = {p->by_batch ? tbi[1] : d, p->by_batch ? d : tbi[1], h};
    for (int i = 5; i < 7 && s == OK; i++)
        s = expect(ctx, cell->op, i, 3, state, err);
    return s == OK ? expect(ctx, cell->op, 7, 2, (int64_t[]){d, 3 * h}, err) : s;
}

static enum status infer_f32(struct op_infer *ctx, struct err *err)
{
    const struct recurrent_params *p = ctx->params;
    const struct cell *cell = p->cell;
    int64_t tbi[3] = {0}, h = 0, d = p->directions, chunk;
    for (int i = 0; i < ctx->n_in; i++) {
        if (i < 3 && !ctx->in[i])
            return err_set(err, E_BAD_INPUT, "%s: input %d is left out but required", cell->op, i);
        enum status s = op_only(ctx, cell->op, i, i == 4 ? DT_I32 : DT_F32, err);
        if (s != OK)
            return s;
    }
    enum status s = check_shapes(ctx, cell, tbi, &h, err);
    if (s != OK)
        return s;
    const int64_t by_time[] = {tbi[0], d, tbi[1], h}, by_batch[] = {tbi[1], tbi[0], d, h};
    const int64_t state[] = {p->by_batch ? tbi[1] : d, p->by_batch ? d : tbi[1], h};
    s = op_output(ctx, 0, cell->op, DT_F32, 4, p->by_batch ? by_batch : by_time, err);
    for (int i = 1; i < 3 && s == OK; i++)
        s = op_output(ctx, i, cell->op, DT_F32, 3, state, err);
    return s == OK ? recurrent_scratch(cell, tbi, h, &chunk, &ctx->scratch_bytes, err) : s;
}

enum status recurrent_infer(struct op_infer *ctx, struct err *err)
{
    const struct recurrent_params *p = ctx->params;
    return as_f32_infer(ctx, p->cell->op, infer_f32, AS_F32_HALF | AS_F32_F64, err);
}
