/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The common part of If, Loop and Scan: see control.h. Whether the blocks that they name exist and
 * have the right number of formals and results, bind proves. */
#include <inttypes.h>

#include "ops/control_priv.h"

enum status control_body(const struct op_node *node, enum attr_key k, struct op_control *c,
                         struct err *err)
{
    int64_t block;
    enum status s = attr_int(&node->attrs, k, 0, &block, err);
    if (s != OK)
        return s;
    if (block < 1 || block > INT32_MAX)
        return err_set(err, E_CORRUPT, "attribute %s is %" PRId64 ", expected a block's number",
                       attr_name(k), block);
    c->body[c->n_bodies++] = (uint32_t)block;
    return OK;
}

enum status control_captures(const struct op_node *node, int own_min, struct op_control *c,
                             struct err *err)
{
    int64_t n;
    enum status s = attr_int(&node->attrs, ATTR_n_captures, 0, &n, err);
    if (s != OK)
        return s;
    if (n < 0 || n > node->n_in - own_min)
        return err_set(err, E_CORRUPT, "%" PRId64 " of %d inputs are captures, %d are its own", n,
                       node->n_in, own_min);
    c->n_captures = (int)n;
    c->n_own = node->n_in - (int)n;
    return OK;
}

int control_formals(const struct op_control *c)
{
    switch (c->kind) {
    case CONTROL_IF:
        return c->n_captures;
    case CONTROL_LOOP:
        return 2 + c->n_state + c->n_captures;
    default:
        return c->n_state + c->n_sliced + c->n_captures;
    }
}

int control_results(const struct op_control *c)
{
    return c->n_state + c->n_scans + (c->kind == CONTROL_LOOP ? 1 : 0);
}

const enum attr_key *control_body_keys(const struct op *op)
{
    static const enum attr_key branches[] = {ATTR_then_branch, ATTR_else_branch, ATTR_NONE};
    static const enum attr_key body[] = {ATTR_body, ATTR_NONE};
    static const enum attr_key none[] = {ATTR_NONE};
    if (!(op->flags & OP_CONTROL))
        return none;
    return op->code == OP_CODE_if ? branches : body;
}

/* The record at types[at]; false when it is none. *next is where the following one begins. */
static bool read_type(const struct op_control *c, uint32_t at, struct tensor *out, uint32_t *next)
{
    uint64_t bytes;
    if (c->n_types - at < 2)
        return false;
    const int64_t dtype = c->types[at], rank = c->types[at + 1];
    if (dtype < 0 || dtype > UINT16_MAX || (dtype != DT_NONE && !dtype_valid((unsigned)dtype)) ||
        rank < 0 || rank > TENSOR_RANK_MAX || c->n_types - at - 2 < (uint64_t)rank)
        return false;
    tensor_set_shape(out, (enum dtype)dtype, (int)rank, c->types + at + 2);
    *next = at + 2 + (uint32_t)rank;
    return dtype == DT_NONE || tensor_bytes(out, &bytes);
}

enum status control_types(const struct op_node *node, struct op_control *c, struct err *err)
{
    const struct attr *a = attr_find(&node->attrs, ATTR_scan_types);
    uint32_t at = 0;
    if (!a)
        return OK;
    c->types = a->type == ATTR_INTS ? a->ints : NULL;
    c->n_types = a->type == ATTR_INTS ? a->count : 0;
    for (int k = 0; k < c->n_scans; k++) {
        struct tensor t;
        if (!read_type(c, at, &t, &at))
            return err_set(err, E_CORRUPT, "attribute scan_types does not tell type %d", k);
    }
    if (at != c->n_types)
        return err_set(err, E_CORRUPT, "attribute scan_types tells more than %d types", c->n_scans);
    return OK;
}

void control_declared(const struct op_control *c, int k, struct tensor *out)
{
    uint32_t at = 0;
    *out = (struct tensor){.dtype = DT_NONE};
    for (int i = 0; c->n_types && i <= k; i++)
        if (!read_type(c, at, out, &at))
            *out = (struct tensor){.dtype = DT_NONE}; /* control_types proved that it is there */
    out->data = NULL;
}

enum status control_infer(struct op_infer *ctx, struct err *err)
{
    return op_needs_data(ctx, 0, err);
}

enum status control_run(const struct op_run *ctx, struct err *err)
{
    UNUSED(ctx);
    return err_set(err, E_INTERNAL, "control flow has no kernel");
}
