/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* RNN: one gate, which is the new state.  source: ONNX RNN-1, 7, 14 */
#include <string.h>

#include "ops/recurrent.h"

static void recur(const struct recurrent *r, float *x)
{
    recurrent_product(r, r->h, r->r, r->hidden, x);
}

static void update(const struct recurrent *r, int64_t item, float *x)
{
    cell_act_f32(&r->acts[0], r->params->clip, x, r->hidden);
    memcpy(r->h + item * r->hidden, x, (size_t)r->hidden * sizeof(x[0]));
}

static const struct cell cell = {
    .op = "RNN",
    .acts = "Tanh",
    .gates = 1,
    .n_acts = 1,
    .recur = recur,
    .update = update,
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return recurrent_prepare(node, &cell, params, err);
}

const struct op op_rnn = {
    .domain = "",
    .name = "RNN",
    .code = OP_CODE_rnn,
    .since = {1, 7, 14},
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
