/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Loop: a body, again and again, until a count or its own condition ends it. Values are carried
 * from one iteration to the next; others are collected along a new first axis.
 * source: ONNX Loop-1, -11, -13, -16 (tensors only) */
#include "ops/control_priv.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct op_control *c = params;
    c->kind = CONTROL_LOOP;
    enum status s = control_body(node, ATTR_body, c, err);
    if (s == OK)
        s = control_captures(node, 2, c, err);
    if (s != OK)
        return s;
    c->n_state = c->n_own - 2;
    c->n_scans = node->n_out - c->n_state;
    if (c->n_scans < 0)
        return err_set(err, E_CORRUPT, "Loop: %d values are carried, %d come out", c->n_state,
                       node->n_out);
    return control_types(node, c, err);
}

const struct op op_loop = {
    .domain = "",
    .name = "Loop",
    .code = OP_CODE_loop,
    .since = {1, 11, 13, 16},
    .in_min = 0, /* the count and the condition may be left out */
    .in_max = OP_INPUTS_MAX,
    .out_min = 1,
    .out_max = OP_OUTPUTS_MAX,
    .flags = OP_CONTROL | OP_STRINGS,
    .params_bytes = sizeof(struct op_control),
    .prepare = prepare,
    .infer = control_infer,
    .run = control_run,
};
