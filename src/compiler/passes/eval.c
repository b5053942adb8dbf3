/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Calls an operator as the runtime would, on constants. A kernel runs here only after the same
 * prepare, infer and check that stand before it in a program. */
#include "compiler/passes/eval.h"

#include <string.h>

#include "base/alloc.h"

/* What an operator says of operands is, at compile time, said of the model. */
static enum status blame(const struct graph *g, const struct node *n, struct err *err)
{
    if (err && err->code == E_BAD_INPUT)
        err->code = E_CORRUPT;
    return graph_node_err(g, n, err);
}

static enum status count_operands(const struct node *n, struct err *err)
{
    const struct op *op = n->op;
    if (n->n_in < op->in_min || n->n_in > op->in_max)
        return err_set(err, E_CORRUPT, "has %u inputs, expected %d to %d", n->n_in, op->in_min,
                       op->in_max);
    if (n->n_out < op->out_min || n->n_out > op->out_max)
        return err_set(err, E_CORRUPT, "has %u outputs, expected %d to %d", n->n_out, op->out_min,
                       op->out_max);
    return OK;
}

static void look_up(const struct node *n, struct tensor *values, struct eval *e)
{
    for (uint32_t i = 0; i < n->n_in; i++)
        e->in[i] = n->in[i] == ARTIFACT_NO_TENSOR ? NULL : &values[n->in[i]];
    for (uint32_t i = 0; i < n->n_out; i++) {
        e->out[i] = n->out[i] == ARTIFACT_NO_TENSOR ? NULL : &values[n->out[i]];
        if (e->out[i])
            e->out[i]->data = NULL;
    }
}

enum status eval_infer(const struct graph *g, const struct node *n, struct tensor *values,
                       struct eval *e, struct err *err)
{
    struct err own = {OK, ""};
    *e = (struct eval){.node = n};
    enum status s = count_operands(n, &own);
    struct op_node view = {n->version, (int)n->n_in, (int)n->n_out, {n->attrs, n->n_attrs}};
    if (s == OK && n->op->prepare)
        s = n->op->prepare(&view, e->params, &own);
    if (s == OK) {
        look_up(n, values, e);
        struct op_infer ctx = {.params = e->params,
                               .n_in = (int)n->n_in,
                               .n_out = (int)n->n_out,
                               .in = e->in,
                               .out = e->out};
        s = op_infer_outputs(n->op, &ctx, &own);
        e->scratch_bytes = ctx.scratch_bytes;
        e->text_bytes = ctx.text_bytes;
        e->needs_data = ctx.needs_data;
    }
    if (s == OK)
        return OK;
    s = blame(g, n, &own);
    if (err)
        *err = own;
    return s;
}

bool eval_known(const struct eval *e)
{
    if (e->node->op->flags & OP_SHAPE_ONLY)
        return true;
    for (uint32_t i = 0; i < e->node->n_in; i++)
        if (e->in[i] && !e->in[i]->data)
            return false;
    return true;
}

bool eval_bytes(const struct eval *e, uint64_t *bytes)
{
    *bytes = 0;
    for (uint32_t i = 0; i < e->node->n_out; i++) {
        uint64_t b;
        if (e->out[i] && (!tensor_bytes(e->out[i], &b) || __builtin_add_overflow(*bytes, b, bytes)))
            return false;
    }
    return true;
}

/* Output 0 of a view is input 0's bytes. */
static void copy_view(const struct eval *e)
{
    uint64_t bytes;
    if (tensor_bytes(e->out[0], &bytes) && bytes)
        memcpy(e->out[0]->data, e->in[0]->data, bytes);
}

enum status eval_run(const struct graph *g, struct eval *e, struct err *err)
{
    const struct op *op = e->node->op;
    struct err own = {OK, ""};
    if (op->flags & OP_VIEW) {
        copy_view(e);
        return OK;
    }
    int n_in = (int)e->node->n_in;
    enum status s = op->check ? op->check(e->params, n_in, e->in, &own) : OK;
    void *scratch = NULL;
    if (s == OK && e->scratch_bytes && !(scratch = alloc_aligned(64, e->scratch_bytes)))
        return err_set(err, E_NO_MEMORY, "no memory for %s at compile time", op->name);
    if (s == OK) {
        struct op_run ctx = {e->params, n_in, (int)e->node->n_out, e->in, e->out, scratch, NULL};
        s = op->run(&ctx, &own);
    }
    alloc_free(scratch);
    if (s == OK)
        return OK;
    s = blame(g, e->node, &own);
    if (err)
        *err = own;
    return s;
}
