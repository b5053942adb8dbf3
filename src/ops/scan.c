/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Scan: a body for each slice of its operands. States are carried from one slice to the next; the
 * other results are put together again. Version 8 has a batch dim before all others, and lengths.
 * source: ONNX Scan-8, -9, -11, -16 */
#include <inttypes.h>

#include "ops/control_priv.h"

/* A list of n numbers, or nothing. */
static enum status read_list(const struct op_node *node, enum attr_key k, int n,
                             const int64_t **list, uint32_t *count, struct err *err)
{
    const struct attr *a = k == ATTR_NONE ? NULL : attr_find(&node->attrs, k);
    *list = NULL;
    *count = 0;
    if (!a)
        return OK;
    if (a->type != ATTR_INTS || a->count != (uint32_t)n)
        return err_set(err, E_CORRUPT, "attribute %s is not a list of %d numbers", attr_name(k), n);
    *list = a->ints;
    *count = a->count;
    return OK;
}

static enum status read_scan(const struct op_node *node, enum attr_key axes,
                             enum attr_key directions, int n, struct control_scan *out,
                             struct err *err)
{
    enum status s = read_list(node, axes, n, &out->axes, &out->n_axes, err);
    if (s == OK)
        s = read_list(node, directions, n, &out->directions, &out->n_directions, err);
    for (uint32_t i = 0; s == OK && i < out->n_directions; i++)
        if (out->directions[i] != 0 && out->directions[i] != 1)
            s = err_set(err, E_CORRUPT, "attribute %s holds %" PRId64 ", expected 0 or 1",
                        attr_name(directions), out->directions[i]);
    return s;
}

static enum status read_directions(const struct op_node *node, struct op_control *c,
                                   struct err *err)
{
    if (c->batched)
        return read_scan(node, ATTR_NONE, ATTR_directions, c->n_sliced, &c->in, err);
    enum status s =
        read_scan(node, ATTR_scan_input_axes, ATTR_scan_input_directions, c->n_sliced, &c->in, err);
    if (s == OK)
        s = read_scan(node, ATTR_scan_output_axes, ATTR_scan_output_directions, c->n_scans, &c->out,
                      err);
    return s;
}

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct op_control *c = params;
    int64_t sliced;
    c->kind = CONTROL_SCAN;
    c->batched = node->version < 9;
    enum status s = control_body(node, ATTR_body, c, err);
    if (s == OK)
        s = control_captures(node, c->batched ? 2 : 1, c, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_num_scan_inputs, 0, &sliced, err);
    if (s != OK)
        return s;
    const int data = c->n_own - (c->batched ? 1 : 0);
    if (sliced < 1 || sliced > data)
        return err_set(err, E_CORRUPT, "Scan: %" PRId64 " of %d inputs are scanned", sliced, data);
    c->n_sliced = (int)sliced;
    c->n_state = data - c->n_sliced;
    c->n_scans = node->n_out - c->n_state;
    if (c->n_scans < 0)
        return err_set(err, E_CORRUPT, "Scan: %d states, %d outputs", c->n_state, node->n_out);
    s = read_directions(node, c, err);
    return s == OK ? control_types(node, c, err) : s;
}

const struct op op_scan = {
    .domain = "",
    .name = "Scan",
    .code = OP_CODE_scan,
    .since = {8, 9, 11, 16},
    .in_min = 0, /* Scan-8's lengths may be left out */
    .in_max = OP_INPUTS_MAX,
    .out_min = 1,
    .out_max = OP_OUTPUTS_MAX,
    .flags = OP_CONTROL | OP_STRINGS,
    .params_bytes = sizeof(struct op_control),
    .prepare = prepare,
    .infer = control_infer,
    .run = control_run,
};
