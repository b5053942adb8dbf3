/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* If: one of two bodies, as a bool of one element says.  source: ONNX If-1, -11, -13, -16 (tensors
 * only) */
#include "ops/control_priv.h"

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct op_control *c = params;
    c->kind = CONTROL_IF;
    c->n_scans = node->n_out; /* control_results: each output is one of a body's */
    enum status s = control_body(node, ATTR_then_branch, c, err);
    if (s == OK)
        s = control_body(node, ATTR_else_branch, c, err);
    if (s == OK)
        s = control_captures(node, 1, c, err);
    if (s == OK && c->n_own != 1)
        s = err_set(err, E_CORRUPT, "If: %d inputs beside its captures, expected 1", c->n_own);
    return s;
}

const struct op op_if = {
    .domain = "",
    .name = "If",
    .code = OP_CODE_if,
    .since = {1, 11, 13, 16},
    .in_min = 1,
    .in_max = OP_INPUTS_MAX,
    .out_min = 1,
    .out_max = OP_OUTPUTS_MAX,
    .flags = OP_CONTROL | OP_STRINGS,
    .params_bytes = sizeof(struct op_control),
    .prepare = prepare,
    .infer = control_infer,
    .run = control_run,
};
