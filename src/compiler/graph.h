/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The compiler's graph: values and nodes in execution order. Front ends build it, passes rewrite
 * it, emit turns it into an artifact. Everything lives in the graph's own heap blocks and dies with
 * it. */
#ifndef ROOST_COMPILER_GRAPH_H
#define ROOST_COMPILER_GRAPH_H

#include "artifact/artifact.h"
#include "ops/control.h"

struct compile_file; /* compiler/compiler.h */

/* What decides where a faster form takes more memory. The numbers go to the sandbox's child. */
enum optimize { OPTIMIZE_BALANCED, OPTIMIZE_SPEED, OPTIMIZE_MEMORY, OPTIMIZE_MODES };

/* What convolutions and packed products compute with. The numbers go to the sandbox's child. */
enum precision {
    PRECISION_FP32,
    PRECISION_BF16,         /* weights and activations; sums are float32 */
    PRECISION_INT8,         /* int8 weights, uint8 activations, scales from calibration */
    PRECISION_WEIGHTS_BF16, /* the stored weights alone */
    PRECISIONS
};

/* A formal is an input of a block other than the first: nothing is known of it but that it is
 * there. */
enum value_kind { VALUE_CONST, VALUE_INPUT, VALUE_COMPUTED, VALUE_FORMAL };

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
    int64_t dims[TENSOR_RANK_MAX]; /* 0 for what it does not say */
};

/* A list of nodes with what goes in and comes out. Block 0 is the model itself. Every other one is
 * a body of exactly one control node (If, Loop, Scan), which names it in an attribute, and whose
 * block has a lower number. Blocks are closed: a node reads its own block's inputs and results, and
 * constants, which belong to all; what a body needs of the blocks around it, its control node hands
 * over (ops/control.h). */
struct graph_block {
    struct node *nodes; /* topological order at all times */
    uint32_t n_nodes, cap_nodes;
    int32_t *inputs, *outputs; /* value indices; block 0: signature order */
    struct graph_port
        *declared; /* by output, as read; passes that rewrite bodies' outputs leave it */
    uint32_t n_inputs, n_outputs, cap_inputs, cap_outputs, cap_declared;
    uint32_t parent; /* the block of the node that names it; of block 0: 0 */
};

/* Heap; made by graph_new. Arrays grow; indices stay valid, pointers into them do not. */
struct graph {
    struct value *values;
    uint32_t n_values, cap_values;
    /* What the block in focus has, as in struct graph_block: all that builds and rewrites works on
     * one block and need not know of others. Block 0 to begin with, and between passes. */
    struct node *nodes;
    uint32_t n_nodes, cap_nodes;
    int32_t *inputs, *outputs;
    struct graph_port *declared;
    uint32_t n_inputs, n_outputs, cap_inputs, cap_outputs, cap_declared;
    uint32_t parent;
    uint32_t focus;                /* the number of that block */
    struct graph_block *blocks;    /* the others; the place of the one in focus means nothing */
    uint32_t n_blocks, cap_blocks; /* n_blocks counts the first, too */
    const char **symbols;          /* names of symbolic dims, by symbol number */
    uint32_t n_symbols, cap_symbols;
    struct graph_opset *opsets; /* what the source imports; owned by the graph; may be NULL */
    uint32_t n_opsets;
    const char *producer;   /* what wrote the source, "pytorch 1.13"; owned by the graph or NULL */
    struct columns columns; /* names of the only input's columns; owned by the graph */
    void *memory;           /* list of pieces of heap, freed by graph_free */
    const void *borrowed;   /* the model file, when constants point into it; outlives the graph */
    const struct compile_file *files; /* files beside it, likewise; n_files of them */
    uint32_t n_files;
    enum optimize optimize;
    enum precision precision;
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
/* Appends a node of this graph as it is.  errors: E_NO_MEMORY */
enum status graph_append(struct graph *g, const struct node *n) WARN_UNUSED;
/* Makes a constant's data aligned for its dtype, so that a kernel may read it: data in the model
 * file lies anywhere. Copies it when it must. */
enum status graph_settle(struct graph *g, int32_t value) WARN_UNUSED;
/* Puts "operator Conv (node 'x', opset 13)" before what err says. Returns err's code. */
enum status graph_node_err(const struct graph *g, const struct node *n, struct err *err);
void graph_compact(struct graph *g); /* drops dead nodes, keeps the order */

/* A new, empty block inside of the one in focus, which stays in focus.  errors: E_NO_MEMORY */
enum status graph_block_add(struct graph *g, uint32_t *block) WARN_UNUSED;
/* Puts the focus on a block; gives the one that had it. Pointers into nodes, inputs and outputs
 * stay valid. */
uint32_t graph_focus(struct graph *g, uint32_t block);
/* What a block has, wherever the focus is; a view. */
struct graph_block graph_block_at(const struct graph *g, uint32_t block);
/* A new formal, which graph_block_input makes an input of the block in focus (not of block 0).
 * errors: E_NO_MEMORY */
enum status graph_formal(struct graph *g, const char *name, int32_t *index) WARN_UNUSED;
enum status graph_block_input(struct graph *g, int32_t formal) WARN_UNUSED;
/* The blocks that a node names, as many as returned. */
uint32_t node_bodies(const struct node *n, uint32_t bodies[CONTROL_BODIES_MAX]);
/* The blocks that the model runs, in rising order, block 0 first: a heap array that the caller
 * frees. Bodies of nodes that were dropped are not among them.  errors: E_NO_MEMORY */
enum status graph_live_blocks(const struct graph *g, uint32_t **blocks, uint32_t *n) WARN_UNUSED;
/* Calls fn with the focus on each such block; what it drops, it is not called for.
 * errors: fn's; E_NO_MEMORY */
typedef enum status graph_block_fn(struct graph *g, struct err *err);
enum status graph_each_block(struct graph *g, graph_block_fn *fn, struct err *err) WARN_UNUSED;

#endif
