/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The graphs inside a control node. Each is read into a block of its own; all bodies of one node
 * get the same captures, in the same order, behind their own formals. Graphs lie in each other only
 * to a bounded depth, and all together have as many nodes and values as one graph may have, so that
 * a file's nesting can use up neither the stack nor the memory. */
#include <string.h>

#include "compiler/onnx/onnx_priv.h"
#include "ops/op_list.h"

enum status onnx_bodies_take(struct onnx_bodies *b, const struct op *op, const struct onnx_attr *a,
                             bool *taken, struct err *err)
{
    const enum attr_key *keys = control_body_keys(op);
    *taken = false;
    for (uint32_t k = 0; keys[k] != ATTR_NONE; k++) {
        if (keys[k] != a->a.key)
            continue;
        if (b->given[k])
            return err_set(err, E_CORRUPT, "it has attribute %s twice", attr_name(keys[k]));
        b->graph[k] = a->graph;
        b->given[k] = *taken = true;
    }
    return OK;
}

/* What the bodies of one node have in common is what the first one has. */
static enum status check_counts(const struct onnx_reader *r, struct onnx_bodies *b,
                                const struct op *op, struct err *err)
{
    const struct graph *g = r->g;
    if (op->code == OP_CODE_if && g->n_inputs)
        return err_set(err, E_CORRUPT, "a branch of If has %u inputs, expected none", g->n_inputs);
    if (b->n && g->n_outputs != b->n_results)
        return err_set(err, E_CORRUPT, "its branches have %u and %u outputs", b->n_results,
                       g->n_outputs);
    b->n_formals = g->n_inputs;
    b->n_results = g->n_outputs;
    return OK;
}

static enum status read_one(struct onnx_reader *r, struct onnx_bodies *b, struct scope *scope,
                            const struct op *op, struct err *err)
{
    uint32_t block;
    if (scope->depth > CONTROL_DEPTH_MAX)
        return err_set(err, E_UNSUPPORTED, "graphs lie in each other more than %d deep",
                       CONTROL_DEPTH_MAX);
    if (graph_block_add(r->g, &block) != OK)
        return reader_no_memory(err);
    const uint32_t before = graph_focus(r->g, block);
    r->scope = scope;
    enum status s = onnx_graph(r, b->graph[b->n], err);
    if (s == OK)
        s = check_counts(r, b, op, err);
    r->scope = scope->outer;
    graph_focus(r->g, before);
    b->block[b->n++] = block;
    return s;
}

/* Every body takes every capture, also those that only its sibling reads. */
static enum status list_captures(struct onnx_reader *r, const struct onnx_bodies *b, uint32_t k,
                                 struct scope *scope)
{
    const uint32_t before = graph_focus(r->g, b->block[k]);
    enum status s = OK;
    for (uint32_t i = 0; s == OK && i < b->captures.n; i++) {
        if (scope->formals[i] == ARTIFACT_NO_TENSOR)
            s = graph_formal(r->g, "", &scope->formals[i]);
        if (s == OK)
            s = graph_block_input(r->g, scope->formals[i]);
    }
    graph_focus(r->g, before);
    return s;
}

enum status onnx_bodies_read(struct onnx_reader *r, struct onnx_bodies *b, const struct op *op,
                             struct err *err)
{
    const enum attr_key *keys = control_body_keys(op);
    struct scope *scopes = graph_alloc(r->g, CONTROL_BODIES_MAX * sizeof(*scopes));
    enum status s = scopes ? OK : reader_no_memory(err);
    for (uint32_t k = 0; s == OK && keys[k] != ATTR_NONE; k++) {
        if (!b->given[k])
            return err_set(err, E_CORRUPT, "it lacks its attribute %s", attr_name(keys[k]));
        scope_init(&scopes[k], r->scope, &b->captures);
        s = read_one(r, b, &scopes[k], op, err);
        scope_fini(&scopes[k]);
    }
    for (uint32_t k = 0; s == OK && k < b->n; k++)
        if (list_captures(r, b, k, &scopes[k]) != OK)
            s = reader_no_memory(err);
    return s;
}
