/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One node on its own: what the passes ask of an operator. Values are given as an array of tensors
 * indexed like g->values. */
#ifndef ROOST_COMPILER_PASSES_EVAL_H
#define ROOST_COMPILER_PASSES_EVAL_H

#include "compiler/graph.h"

/* A node made ready: its parameters read, its operands looked up. */
struct eval {
    const struct node *node;
    _Alignas(16) uint8_t params[OP_PARAMS_MAX];
    const struct tensor *in[OP_INPUTS_MAX]; /* NULL: left out */
    struct tensor *out[OP_OUTPUTS_MAX];
    uint64_t scratch_bytes, text_bytes; /* what infer asked for */
    bool needs_data; /* infer failed because a value that decides a shape is not known */
};

/* Checks the operand counts, reads the attributes and infers the outputs' dtypes and shapes into
 * values[]; their data is NULL after it.
 * errors: E_UNSUPPORTED, E_CORRUPT (also where the operator says E_BAD_INPUT: the model's own
 * shapes do not go together), all naming operator, node and opset; e->needs_data tells
 * op_needs_data's E_UNSUPPORTED from others */
enum status eval_infer(const struct graph *g, const struct node *n, struct tensor *values,
                       struct eval *e, struct err *err) WARN_UNUSED;

/* Are the values of all of the node's inputs known? (Or is the result one of shapes alone?) */
bool eval_known(const struct eval *e);
/* Bytes of all outputs; false when they overflow. */
bool eval_bytes(const struct eval *e, uint64_t *bytes) WARN_UNUSED;

/* Runs the node after eval_infer, once the outputs' data point to memory enough.
 * errors: as eval_infer; E_NO_MEMORY */
enum status eval_run(const struct graph *g, struct eval *e, struct err *err) WARN_UNUSED;

#endif
