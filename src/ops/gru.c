/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* GRU: gates update, reset, hidden; the reset gate meets the state, or (linear_before_reset) the
 * state's product with the hidden gate's weights.  source: ONNX GRU-3, 7, 14 */
#include <string.h>

#include "kernels/kernels.h"
#include "ops/recurrent.h"

/* to[batch][hidden], rows `ld` apart, = (+=) h hidden-gate weights' */
static void hidden_product(const struct recurrent *r, const float *h, float *to, int64_t ld,
                           bool accumulate)
{
    struct gemm g = {.m = r->batch, .n = r->hidden, .k = r->hidden, .alpha = 1, .a = h, .y = to};
    g.b = r->r + 2 * r->hidden * r->hidden;
    g.lda = g.ldb = r->hidden;
    g.ldy = ld;
    g.trans_b = true;
    g.accumulate = accumulate;
    gemm_f32(&g);
}

/* Update and reset gates are ready after this, and the hidden gate up to its activation. */
static void recur(const struct recurrent *r, float *x)
{
    int64_t n = r->hidden, width = r->gates * n;
    const float *bias = r->b ? r->b + width + 2 * n : NULL; /* of the hidden gate's product */
    bool late = r->params->late;
    recurrent_product(r, r->h, r->r, 2 * n, x);
    if (late)
        hidden_product(r, r->h, r->room, n, false);
    for (int64_t item = 0; item < r->batch; item++) {
        float *gates = x + item * width, *room = r->room + item * n;
        const float *reset = gates + n, *h = r->h + item * n;
        cell_act_f32(&r->acts[0], r->params->clip, gates, 2 * n);
        for (int64_t j = 0; j < n && !late; j++)
            room[j] = reset[j] * h[j];
        for (int64_t j = 0; j < n && late; j++)
            gates[2 * n + j] += reset[j] * (room[j] + (bias ? bias[j] : 0));
    }
    if (!late)
        hidden_product(r, r->room, x + 2 * n, width, true);
}

static void update(const struct recurrent *r, int64_t item, float *x)
{
    int64_t n = r->hidden;
    const float *keep = x;
    float *fresh = x + 2 * n, *h = r->h + item * n;
    cell_act_f32(&r->acts[1], r->params->clip, fresh, n);
    for (int64_t j = 0; j < n; j++)
        h[j] = (1 - keep[j]) * fresh[j] + keep[j] * h[j];
}

static const struct cell cell = {
    .op = "GRU",
    .acts = "Sigmoid,Tanh",
    .gates = 3,
    .n_acts = 2,
    .late_bias = true,
    .recur = recur,
    .update = update,
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return recurrent_prepare(node, &cell, params, err);
}

const struct op op_gru = {
    .domain = "",
    .name = "GRU",
    .code = OP_CODE_gru,
    .since = {3, 7, 14},
    .types = OP_FLOATS,
    .in_min = 3,
    .in_max = 6,
    .out_min = 0, /* any may be left out, Y too */
    .out_max = 2,
    .params_bytes = sizeof(struct recurrent_params),
    .prepare = prepare,
    .infer = recurrent_infer,
    .run = recurrent_run,
};
