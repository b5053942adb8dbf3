/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a program is made of. All of it lies in the bind area of its bundle, and is read-only once
 * program_bind returned. */
#ifndef ROOST_RUNTIME_PROGRAM_PRIV_H
#define ROOST_RUNTIME_PROGRAM_PRIV_H

#include "artifact/reader.h"
#include "mem/arena.h"
#include "runtime/program.h"

enum { PROGRAM_MAGIC = 0x524f4f53 };

struct program_instr {
    const struct op *op;
    const void *params;      /* what op->prepare made; NULL when the op has none */
    const int32_t *operands; /* n_in inputs, then n_out outputs; ARTIFACT_NO_TENSOR: left out */
    const char *name;
    uint16_t version, n_in, n_out;
};

struct program_tensor {
    const char *name;
    enum tensor_class class;
    int32_t port;    /* CLASS_INPUT: which signature input; else -1 */
    uint32_t block;  /* the block whose formal or result it is; constants belong to all */
    struct tensor t; /* CLASS_CONST: shape and data. CLASS_INPUT: dtype */
};

/* Instructions that run as one, and what they speak of to the outside. Block 0 is the model itself;
 * every other one is a body of one control instruction, and of no other, so that no block is ever
 * run inside itself. */
struct program_block {
    const struct program_instr *instrs;
    const int32_t *formals, *outputs; /* tensors that are defined before, and that are read after */
    uint32_t n_instrs, n_formals, n_outputs;
    uint32_t depth; /* of block 0: 0 */
    bool used;      /* an instruction names it */
};

struct program {
    uint32_t magic;
    uint64_t serial;
    struct bundle *bundle; /* its own part is the program's, which lies in it */
    uint64_t bytes;        /* program_bytes: with blobs that lie elsewhere */
    struct artifact_page0 p0;
    struct signature signature;
    struct program_tensor *tensors; /* p0.n_tensors */
    struct program_instr *instrs;   /* p0.n_instrs */
    struct program_block *blocks;   /* p0.n_blocks + 1 */
    int32_t *operands;              /* p0.n_operands: of the instructions, then of the blocks */
    uint32_t instr_operands;        /* how many are of instructions */
    int32_t *inputs, *outputs;      /* tensor of each signature port */
    const char *provenance;         /* terminated */
    uint32_t n_known;               /* results that shapes and constants alone decide */
    bool stepwise;                  /* no set of shapes can be planned: a shape depends on data */
    struct tensor *samples;         /* inputs, then outputs; NULL: none */
};

/* A program whose bind area is being filled. Lives during program_bind only. */
struct binder {
    struct artifact_reader reader; /* a copy, whose texts come to lie in the program */
    struct program *p;
    struct bump bump;            /* the bind area */
    const uint8_t *const *blobs; /* where each lies */
    uint8_t *packed;             /* the unpacked constants */
};

/* The parts of binding, in this order. errors of all: E_CORRUPT; E_UNSUPPORTED; E_NO_MEMORY */
enum status bind_texts(struct binder *b, struct err *err) WARN_UNUSED;
enum status bind_tensors(struct binder *b, struct err *err) WARN_UNUSED;
enum status bind_signature(struct binder *b, struct err *err) WARN_UNUSED;
enum status bind_columns(struct binder *b, struct err *err) WARN_UNUSED;
enum status bind_samples(struct binder *b, struct err *err) WARN_UNUSED;
enum status bind_blocks(struct binder *b, struct err *err) WARN_UNUSED;
enum status bind_instrs(struct binder *b, struct err *err) WARN_UNUSED;
/* What a block needs proven beside its instructions. `defined` as bind_instrs has it. */
enum status bind_block_formals(struct program *p, uint32_t block, uint8_t *defined,
                               struct err *err) WARN_UNUSED;
enum status bind_block_results(const struct program *p, uint32_t block, const uint8_t *defined,
                               struct err *err) WARN_UNUSED;
/* A control instruction of `block`: the blocks that it names.  errors: E_CORRUPT */
enum status bind_bodies(struct program *p, const struct program_instr *in, uint32_t block,
                        struct err *err) WARN_UNUSED;
/* May an instruction of `block` read tensor t, which is defined? */
bool bind_sees(const struct program *p, uint32_t block, int32_t t);
/* Plans at the smallest symbols: the costs that page 0 must declare. *stepwise says that this was
 * not possible because a shape depends on data; then, as where the smallest shapes do not go
 * through the model, no cost is declared. */
enum status bind_measure(const struct program *p, struct artifact_cost *out, bool *stepwise,
                         struct err *err) WARN_UNUSED;
/* The next bytes of the bind area, zeroed; page 0 promised that they are there.
 * errors: E_INTERNAL when they are not */
enum status bind_take(struct binder *b, uint64_t count, uint64_t bytes, void *out,
                      struct err *err) WARN_UNUSED;

/* Bytes of the bind area that page 0's counts demand. */
uint64_t bind_bytes(const struct artifact_page0 *p0);
/* Where it begins behind the blobs, when they all lie before it. */
uint64_t bind_start(const struct artifact_page0 *p0);

/* All of program_bind but the comparison of costs, which it gives. */
enum status program_bind_uncosted(const struct artifact_reader *reader, struct bundle **bundle,
                                  struct program **out, struct artifact_cost *cost,
                                  struct err *err) WARN_UNUSED;

#endif
