/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LSTM: gates input, output, forget, cell; peepholes; coupled gates.  source: ONNX LSTM-1, 7, 14 */
#include "ops/recurrent.h"

static void recur(const struct recurrent *r, float *x)
{
    recurrent_product(r, r->h, r->r, r->gates * r->hidden, x);
}

/* x[hidden] += peephole weights * state */
static void peep(const struct recurrent *r, int which, const float *state, float *x)
{
    const float *p = r->p ? r->p + which * r->hidden : NULL;
    for (int64_t j = 0; p && j < r->hidden; j++)
        x[j] += p[j] * state[j];
}

static void update(const struct recurrent *r, int64_t item, float *x)
{
    int64_t n = r->hidden;
    float *in = x, *out = x + n, *forget = x + 2 * n, *fresh = x + 3 * n, clip = r->params->clip;
    float *c = r->c + item * n, *h = r->h + item * n;
    peep(r, 0, c, in);
    peep(r, 2, c, forget);
    cell_act_f32(&r->acts[0], clip, in, n);
    cell_act_f32(&r->acts[1], clip, fresh, n);
    if (!r->params->coupled)
        cell_act_f32(&r->acts[0], clip, forget, n);
    for (int64_t j = 0; j < n; j++)
        c[j] = (r->params->coupled ? 1 - in[j] : forget[j]) * c[j] + in[j] * fresh[j];
    peep(r, 1, c, out);
    cell_act_f32(&r->acts[0], clip, out, n);
    for (int64_t j = 0; j < n; j++)
        fresh[j] = c[j];
    cell_act_f32(&r->acts[2], 0, fresh, n);
    for (int64_t j = 0; j < n; j++)
        h[j] = out[j] * fresh[j];
}

static const struct cell cell = {
    .op = "LSTM",
    .acts = "Sigmoid,Tanh,Tanh",
    .gates = 4,
    .n_acts = 3,
    .recur = recur,
    .update = update,
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return recurrent_prepare(node, &cell, params, err);
}

const struct op op_lstm = {
    .domain = "",
    .name = "LSTM",
    .code = OP_CODE_lstm,
    .since = {1, 7, 14},
    .types = OP_FLOATS,
    .in_min = 3,
    .in_max = 8,
    .out_min = 0, /* any may be left out, Y too */
    .out_max = 3,
    .params_bytes = sizeof(struct recurrent_params),
    .prepare = prepare,
    .infer = recurrent_infer,
    .run = recurrent_run,
};
