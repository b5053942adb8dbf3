/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Small models by hand: tensors and nodes in order, then an artifact or a program. */
#ifndef ROOST_TESTS_MODEL_H
#define ROOST_TESTS_MODEL_H

#include "base/buf.h"
#include "runtime/session.h"

enum {
    MODEL_TENSORS = 512,
    MODEL_NODES = 512,
    MODEL_OPERANDS = 10,
    MODEL_PORTS = 8,
    MODEL_BLOCKS = 64
};

/* Embedded; zero with model_init. Indices are tensor indices. */
struct model {
    struct artifact_tensor tensors[MODEL_TENSORS];
    struct artifact_instr nodes[MODEL_NODES];
    int32_t operands[MODEL_NODES][2][MODEL_OPERANDS];
    struct attr attrs[MODEL_NODES][4];
    struct port inputs[MODEL_PORTS], outputs[MODEL_PORTS];
    int32_t in[MODEL_PORTS], out[MODEL_PORTS];
    const char *symbols[4];
    struct artifact_block blocks[MODEL_BLOCKS];
    int32_t formals[MODEL_BLOCKS][MODEL_OPERANDS], results[MODEL_BLOCKS][MODEL_OPERANDS];
    struct artifact_source src;
};

void model_init(struct model *m);
/* dims as in struct port: -1 is free, -2-k is symbol k (named "N", "M", ... on first use). */
int32_t model_input(struct model *m, const char *name, enum dtype t, int rank, const int64_t *dims);
int32_t model_const(struct model *m, enum dtype t, int rank, const int64_t *dims, const void *data);
/* A node with one result; a and b may be ARTIFACT_NO_TENSOR from the right. Gives the result. */
int32_t model_node(struct model *m, const char *op, int version, int32_t a, int32_t b, int32_t c);
/* A node with any operands and n_out results; gives the first, the others follow it. */
int32_t model_node_n(struct model *m, const char *op, int version, const int32_t *in, uint32_t n_in,
                     uint32_t n_out);
/* Adds an attribute to the node made last. */
void model_attr(struct model *m, struct attr a);
/* A formal of the block that model_block makes later. */
int32_t model_formal(struct model *m);
/* The next block, of the n_instrs nodes made last. Both lists end with ARTIFACT_NO_TENSOR. Gives
 * its number. */
uint32_t model_block(struct model *m, uint32_t n_instrs, const int32_t *formals,
                     const int32_t *results);
void model_output(struct model *m, const char *name, int32_t t, enum dtype dtype, int rank,
                  const int64_t *dims);

/* The artifact with the given or, for NULL, the measured costs. Fails the test when it cannot. */
void model_write(struct model *m, const struct artifact_cost *cost, struct buf *out);
struct program *model_program(struct model *m);
/* Writes the hash of page 0 and the meta anew, for files changed on purpose. */
void model_rehash(struct buf *file);

/* softmax(relu(x W1 + b1) W2 + b2), x[N][4] -> [N][3], with weights drawn from the seed. */
void model_mlp(struct model *m, uint64_t seed);

/* A float in [-1, 1). */
float draw_f32(uint64_t *seed);
uint64_t draw_u64(uint64_t *seed);

#endif
