/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The compiler's graph: values and nodes in execution order. Front ends build it, passes rewrite
 * it, emit turns it into an artifact. Everything lives in the graph's own heap blocks and dies with
 * it. */
#ifndef ROOST_COMPILER_GRAPH_H
#define ROOST_COMPILER_GRAPH_H

#include "artifact/artifact.h"
#include "ops/op.h"

struct compile_file; /* compiler/compiler.h */

enum value_kind { VALUE_CONST, VALUE_INPUT, VALUE_COMPUTED };

struct value {
    const char *name; /* owned by the graph; unique; "" for unnamed ones */
    enum value_kind kind;
    struct tensor t; /* CONST: all of it. INPUT: dtype, rank; dims as in port (symbols negative) */
    bool compress;   /* CONST: worth trying LZ4 (integer tables of trees) */
};

struct node {
    const struct op *op;
    int version;       /* since-version in force */
    const char *name;  /* owned by the graph; for messages */
    int32_t *in, *out; /* value indices or ARTIFACT_NO_TENSOR; owned by the graph */
    uint32_t n_in, n_out;
    struct attr *attrs; /* owned by the graph, with what they point to */
    uint32_t n_attrs;
    bool dead; /* removed by a pass; graph_compact drops it */
};

/* An operator set that the source imports; for messages and provenance. */
struct graph_opset {
    const char *domain; /* owned by the graph; "" is ai.onnx */
    int version;
};

/* What the source says of one of its outputs, for where the shape depends on data. */
struct graph_port {
    enum dtype dtype; /* DT_NONE: nothing */
    int rank;
};

/* Heap; made by graph_new. Arrays grow; indices stay valid, pointers into them do not. */
struct graph {
    struct value *values;
    uint32_t n_values, cap_values;
    struct node *nodes; /* topological order at all times */
    uint32_t n_nodes, cap_nodes;
    int32_t *inputs, *outputs;   /* value indices, signature order */
    struct graph_port *declared; /* by output */
    uint32_t n_inputs, n_outputs, cap_inputs, cap_outputs, cap_declared;
    const char **symbols; /* names of symbolic dims, by symbol number */
    uint32_t n_symbols, cap_symbols;
    struct graph_opset *opsets; /* what the source imports; owned by the graph; may be NULL */
    uint32_t n_opsets;
    const char *producer;   /* what wrote the source, "pytorch 1.13"; owned by the graph or NULL */
    struct columns columns; /* names of the only input's columns; owned by the graph */
    void *blocks;           /* list of heap blocks, freed by graph_free */
    const void *borrowed;   /* the model file, when constants point into it; outlives the graph */
    const struct compile_file *files; /* files beside it, likewise; n_files of them */
    uint32_t n_files;
};

enum status graph_new(struct graph **out) WARN_UNUSED;
void graph_free(struct graph **g);
/* Memory that dies with the graph. NULL when memory is out. */
void *graph_alloc(struct graph *g, size_t bytes) WARN_UNUSED;
char *graph_str(struct graph *g, const char *s, size_t len) WARN_UNUSED;

/* All: errors E_NO_MEMORY; *index is set on OK. Names are copied, data is not: it must lie in
 * graph_alloc memory or in g->borrowed. */
enum status graph_input(struct graph *g, const char *name, const struct tensor *t,
                        int32_t *index) WARN_UNUSED;
enum status graph_const(struct graph *g, const char *name, const struct tensor *t,
                        int32_t *index) WARN_UNUSED;
enum status graph_value(struct graph *g, const char *name, int32_t *index) WARN_UNUSED;
enum status graph_output(struct graph *g, int32_t value) WARN_UNUSED; /* nothing is declared */
enum status graph_symbol(struct graph *g, const char *name, size_t len,
                         int *symbol) WARN_UNUSED; /* finds or adds */
/* Appends a node; in, out and attrs are copied (what attrs point to is copied too). */
enum status graph_node(struct graph *g, const struct op *op, int version, const char *name,
                       const int32_t *in, uint32_t n_in, const int32_t *out, uint32_t n_out,
                       const struct attr *attrs, uint32_t n_attrs) WARN_UNUSED;
/* Makes a constant's data aligned for its dtype, so that a kernel may read it: data in the model
 * file lies anywhere. Copies it when it must. */
enum status graph_settle(struct graph *g, int32_t value) WARN_UNUSED;
/* Puts "operator Conv (node 'x', opset 13)" before what err says. Returns err's code. */
enum status graph_node_err(const struct graph *g, const struct node *n, struct err *err);
void graph_compact(struct graph *g); /* drops dead nodes, keeps the order */

#endif
