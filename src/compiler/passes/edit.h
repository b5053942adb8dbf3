/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the rewriting passes share: who makes and who reads a value, and small questions about
 * nodes. */
#ifndef ROOST_COMPILER_PASSES_EDIT_H
#define ROOST_COMPILER_PASSES_EDIT_H

#include "compiler/graph.h"
#include "compiler/passes/shapes.h"

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

/* ---- patterns: all of these answer no to what they do not know ---- */

/* What a pass looks at while it looks for a pattern. Embedded. */
struct view {
    struct graph *g;
    struct uses u;
    struct probes p;
};
/* errors: as probes_infer, uses_init; nothing to free then */
enum status view_init(struct graph *g, struct view *v, struct err *err) WARN_UNUSED;
void view_fini(struct view *v);

/* The live node of that ai.onnx operator that makes the value, or NULL. Element-wise operators of
 * two operands only with numpy's broadcasting (since version 7). */
struct node *view_maker(const struct view *v, int32_t value, const char *op);
/* The value has float32 elements and is known. */
bool view_is_f32(const struct view *v, int32_t value);
/* Its rank; -1 when it is not known. */
int view_rank(const struct view *v, int32_t value);
/* The operand of a node of two that is not `mine`; ARTIFACT_NO_TENSOR when it has not two, or both
 * are `mine`. */
int32_t node_other(const struct node *n, int32_t mine);
/* Is the value a constant of one element, within a thousandth of `want`? */
bool value_near(struct graph *g, int32_t value, double want);
/* The value is `from` times one constant number, and has its shape: by Mul or Div. */
bool view_scaled(const struct view *v, int32_t value, int32_t *from, double *factor);
/* A constant of f32 with n elements in its last dim and 1 in all others, as a vector: the same one
 * or a new constant with its data. False when it is no such, or memory is out (*s). */
bool view_row(const struct view *v, int32_t value, int64_t n, int32_t *row, enum status *s);

/* Makes n into that operator with these operands; its outputs and name stay.
 * errors: E_NO_MEMORY */
struct node_new {
    const char *domain, *op;
    int opset;
    const int32_t *in;
    uint32_t n_in;
    const struct attr *attrs;
    uint32_t n_attrs;
};
enum status node_become(struct graph *g, struct node *n, const struct node_new *as) WARN_UNUSED;

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
