/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the rewriting passes share: who makes and who reads a value, and small questions about
 * nodes. */
#ifndef ROOST_COMPILER_PASSES_EDIT_H
#define ROOST_COMPILER_PASSES_EDIT_H

#include "compiler/graph.h"

enum { NO_NODE = -1 };

/* Embedded; heap arrays by value index, as the graph was when uses_init ran. */
struct uses {
    uint32_t *count;   /* operands and outputs that read the value */
    int32_t *producer; /* node, or NO_NODE */
    int32_t *consumer; /* the last node that reads it, or NO_NODE */
};

enum status uses_init(const struct graph *g, struct uses *u, struct err *err) WARN_UNUSED;
void uses_fini(struct uses *u);

/* The one node that reads the value, when nothing else does and it is no output; else NULL. */
struct node *uses_only(const struct graph *g, const struct uses *u, int32_t value);

bool node_is(const struct node *n, const char *name); /* an ai.onnx operator of that name */
/* Input i's value index, or ARTIFACT_NO_TENSOR. */
int32_t node_in(const struct node *n, uint32_t i);
/* The attribute, or def when it is absent or of another type. */
int64_t node_int(const struct node *n, enum attr_key k, int64_t def);
float node_float(const struct node *n, enum attr_key k, float def);

/* Whole numbers from the attribute or, when operand >= 0, from that constant operand; at most max.
 * False when they are absent (*count is 0 then), not constant, or too many. */
bool node_ints(struct graph *g, const struct node *n, enum attr_key k, int operand, int64_t *out,
               size_t max, int *count) WARN_UNUSED;

bool value_is_const(const struct graph *g, int32_t value);
/* Settles a float32 constant of `count` elements and gives its data; NULL when it is not such. *s
 * is E_NO_MEMORY when memory ran out, else OK. */
const float *value_floats(struct graph *g, int32_t value, int64_t count, enum status *s);
/* One number from a constant of one element. False when it is no such. */
bool value_scalar(struct graph *g, int32_t value, double *out) WARN_UNUSED;

/* An activation that a fused operator can apply. */
struct act {
    enum activation kind;
    float low, high;
};

/* Is the node an activation that we fuse? Its operand is input 0. */
bool act_of(struct graph *g, const struct node *n, struct act *out) WARN_UNUSED;

/* Makes `at` into op (domain roost) with these operands and the attributes of `base` plus the
 * activation's; its outputs and name stay.  errors: E_NO_MEMORY */
enum status node_become_fused(struct graph *g, struct node *at, const char *op,
                              const struct node *base, const int32_t *in, uint32_t n_in,
                              const struct act *act) WARN_UNUSED;

#endif
