/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The parts of pass_block_layout. While it walks a block of the graph it writes the list of nodes
 * anew; a value of [batch][channels][height][width] may then exist in both layouts, each made at
 * most once. */
#ifndef ROOST_COMPILER_PASSES_BLOCK_H
#define ROOST_COMPILER_PASSES_BLOCK_H

#include "compiler/passes/edit.h"
#include "kernels/blocked.h"

/* Embedded, for one block of the graph. Arrays are by value index, of the values that there were
 * when the pass began. */
struct blocker {
    struct graph *g;
    struct view v;
    struct node *old; /* heap; the nodes as they were */
    uint32_t n_old;
    int32_t *blocked; /* heap; the value in blocks, or ARTIFACT_NO_TENSOR */
    uint8_t *plain;   /* heap; is it there as it was? */
    uint8_t *form;    /* heap; by old node: enum block_form of a convolution, or NOT_BLOCKED */
    uint32_t n_values;
};
enum { NOT_BLOCKED = 255 };

/* What a convolution is, as far as choosing its form needs to know. */
struct block_shape {
    int64_t in_c, out_c, group, kernel[2], stride[2], dilation[2];
    int64_t out[2]; /* at the probes' first sizes */
};
/* False when the node is no convolution that can be blocked. */
bool block_shape_of(const struct blocker *b, const struct node *n, struct block_shape *out);

/* Fills b->form, as g->optimize says.  errors: E_NO_MEMORY */
enum status block_choose(struct blocker *b, struct err *err) WARN_UNUSED;

/* The weights W[out_c][in_c / group][rows][columns] of a convolution, laid out for a form; numbers
 * of one per channel, with zeros to fill the last block. New constants.
 * errors: E_NO_MEMORY */
enum status block_weights(struct graph *g, int32_t w, const struct block_shape *shape,
                          enum block_form form, int32_t *out) WARN_UNUSED;
enum status block_row(struct graph *g, int32_t row, int32_t *out) WARN_UNUSED;

/* The value in blocks; packs it when it is not.  errors: E_NO_MEMORY */
enum status block_get(struct blocker *b, int32_t value, int32_t *out) WARN_UNUSED;
/* Is a value there in blocks? */
bool block_has(const struct blocker *b, int32_t value);
/* Its channels; 0 when they are not fixed, or it is not float32 of rank 4. */
int64_t block_channels(const struct blocker *b, int32_t value);

/* Appends a node whose one output is old value `out` in blocks.  errors: E_NO_MEMORY */
enum status block_node(struct blocker *b, const struct node_new *as, const char *name,
                       int32_t out) WARN_UNUSED;

/* Nodes that follow their operand into blocks: pools, scales, element-wise operators, Concat.
 * *done is false when n is no such. errors: E_NO_MEMORY */
enum status block_follow(struct blocker *b, const struct node *n, bool *done) WARN_UNUSED;

#endif
