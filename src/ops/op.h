/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What an operator is. Compiler and runtime share this one description: the compiler calls prepare
 * and infer to prove and fold a graph, the runtime calls the same functions to prove an artifact,
 * to plan a run for its actual shapes, and to run it. One operator per file, ending in one `const
 * struct op`; the table in ops.c lists them all.
 *
 * Trust: prepare, check and infer see numbers from outside (a model file, an artifact, a request)
 * and refuse what is wrong with a status; run sees only what they let pass, and itself checks what
 * depends on data (indices of Gather, sizes of Slice). */
#ifndef ROOST_OPS_OP_H
#define ROOST_OPS_OP_H

#include "kernels/kernels.h" /* enum activation, for the fused operators */
#include "ops/attr.h"
#include "tensor/tensor.h"

enum {
    OP_PARAMS_MAX = 256, /* bytes of the largest prepared parameter record */
    OP_INPUTS_MAX = 255, /* operands of one instruction (Concat, Loop with captures are wide) */
    OP_OUTPUTS_MAX = 64,
    OP_SINCE_MAX = 8,
};

enum op_flags {
    OP_SHAPE_ONLY = 1, /* the result depends on the inputs' dims only (Shape, Size) */
    OP_VIEW = 2, /* output 0 is input 0's bytes under another shape (Reshape, Flatten, Identity) */
    OP_IN_PLACE = 4, /* output 0 may stand on input 0's bytes when both have as many bytes */
    /* Only the run knows how many elements there are (NonZero): infer gives the most that there can
     * be, and run lowers dims of out[] (never dtype or rank) to what it wrote. */
    OP_SIZED_BY_RUN = 8,
    OP_CONTROL = 16, /* If, Loop, Scan: has blocks, and the runtime runs it (ops/control.h) */
    OP_STRINGS = 64, /* takes or gives string tensors; all other operators never see one */
};

/* Operands, for op->items. */
#define OP_ITEMS(k) (1u << (k))
#define OP_ITEMS_ALL UINT32_MAX

/* Sets of dtypes, for op->types. */
#define OP_T(t) (1u << DT_##t)
#define OP_FLOATS (OP_T(F16) | OP_T(BF16) | OP_T(F32) | OP_T(F64))
#define OP_SIGNED (OP_T(I8) | OP_T(I16) | OP_T(I32) | OP_T(I64))
#define OP_UNSIGNED (OP_T(U8) | OP_T(U16) | OP_T(U32) | OP_T(U64))
#define OP_INTEGERS (OP_SIGNED | OP_UNSIGNED)
#define OP_NUMBERS (OP_FLOATS | OP_INTEGERS)
#define OP_ANY (OP_NUMBERS | OP_T(BOOL))

/* One node as prepare sees it. */
struct op_node {
    int version; /* the since-version in force: one of op->since */
    int n_in, n_out;
    struct attr_list attrs;
};

/* Shape and type inference; also sets how much scratch the run needs. The shapes of in[] must have
 * passed tensor_bytes; those of out[] have when infer answers OK. */
struct op_infer {
    const void *params; /* what prepare made */
    int n_in, n_out;
    const struct tensor *const
        *in;                   /* NULL: optional input left out; data set when the value is known */
    struct tensor *const *out; /* to fill: dtype, rank, dims. NULL: optional output left out */
    uint64_t scratch_bytes;    /* to fill; 0 on entry */
    uint64_t text_bytes;       /* to fill: bytes wanted right behind output 0's elements, for text
                                * that the run makes; 0 on entry. Such a run goes step by step */
    bool joins;                /* to fill: output 0 is the inputs' bytes, one behind the other; they
                                * may stand there already when it runs. False on entry */
    bool needs_data;           /* op_needs_data was called; false on entry */
};

/* Says that infer cannot go on without the value of operand i. It is no fault: the compiler leaves
 * the node's results unknown, and a run of the program goes step by step, where every value is
 * known. Then the values come from requests, so that infer must refuse what is wrong in them with
 * E_BAD_INPUT, and must not spend more time than the operands' sizes warrant. Always
 * E_UNSUPPORTED. */
enum status op_needs_data(struct op_infer *ctx, int operand, struct err *err);

/* Threads that can take parts of one operator's run: those of the executor that are idle. */
struct op_team {
    /* Calls part(arg, from, to) for ranges that together are the items [0, items), each once, on
     * this thread and perhaps on others; returns when all of them have. */
    void (*share)(void *self, void (*part)(void *arg, int64_t from, int64_t to), void *arg,
                  int64_t items);
    void *self;
};

struct op_run {
    const void *params;
    int n_in, n_out;
    const struct tensor *const *in; /* NULL: left out; never aliases out unless OP_VIEW, OP_IN_PLACE
                                     * or op_infer.joins say so */
    struct tensor *const *out;      /* shapes as inferred, data to fill. NULL: left out */
    void *scratch;                  /* scratch_bytes, 64-byte aligned, contents arbitrary */
    const struct op_team *team;     /* NULL: this thread alone */
};

struct op {
    const char *domain;          /* "" is ai.onnx; "ai.onnx.ml"; "roost" for our own */
    const char *name;            /* "Conv" */
    uint16_t code;               /* stands in artifacts: never reused, see ops.c */
    uint8_t since[OP_SINCE_MAX]; /* since-versions this file knows, ascending, 0 ends */
    uint8_t in_min, in_max;      /* operands; in_max <= OP_INPUTS_MAX */
    uint8_t out_min, out_max;    /* the first out_min may not be left out */
    uint16_t flags;              /* enum op_flags */
    /* What the operator computes with: the dtypes of the operands that have the result's dtype or,
     * where none has, of operand 0. For the documentation: infer decides, and 0 says nothing. */
    uint32_t types;
    size_t params_bytes; /* of what prepare fills; <= OP_PARAMS_MAX; 0: no parameters */

    /* Operands whose dim 0 counts items: bit k for operand k, bit 31 for all from 31 on too. When
     * the others are constants, dim 0 of each result counts the same items, and one of them hangs
     * on that of the operands alone. 0: not so, or not said. */
    uint32_t items;

    /* Attributes of the source that may be large (coefficients, tables, tensors): front ends hand
     * each over as a constant operand, not as an attribute. They stand behind the source's own
     * operands: const_attrs[k] is operand in_max - n + k of n, left out when the source does not
     * have it. float32[], int64[] and string[] from lists, as they are from tensors. Ends with
     * ATTR_NONE; NULL: none. An artifact may claim anything in their place, so infer and run trust
     * neither their shapes nor their values. */
    const enum attr_key *const_attrs;

    /* Reads attributes into params (zeroed, 8-byte aligned); NULL when there is nothing to read.
     * The operand counts are checked before.  errors: E_CORRUPT, E_UNSUPPORTED */
    enum status (*prepare)(const struct op_node *node, void *params, struct err *err);

    /* Proves constant operands that kernels follow without looking (trees): called once when a
     * program is bound, with in[i] NULL or data NULL for what is not constant. May be NULL.
     * errors: E_CORRUPT */
    enum status (*check)(const void *params, int n_in, const struct tensor *const *in,
                         struct err *err);

    /* The labels that name the columns of output `out`, one of the constant operands; NULL when
     * they have none. May be NULL. */
    const struct tensor *(*classes)(int n_in, const struct tensor *const *in, int out);

    /* errors: E_BAD_INPUT when the operands' dtypes or shapes do not go together (names what came
     * and what was expected, values included); E_UNSUPPORTED when we have no kernel for a dtype;
     * what op_needs_data gives when a value that decides the shape is not known */
    enum status (*infer)(struct op_infer *ctx, struct err *err);

    /* thread: worker   locks: none   blocks: no   allocates: nothing
     * errors: E_BAD_INPUT for a data-dependent index or count out of its range; E_UNSUPPORTED when
     * the data ask for what infer would have refused, had it known them (Dropout) */
    enum status (*run)(const struct op_run *ctx, struct err *err);
};

/* All operators, by table order. */
const struct op *const *op_table(size_t *count);
const struct op *op_by_code(unsigned code);                        /* NULL when unknown */
const struct op *op_by_name(const char *domain, const char *name); /* NULL when unknown */
/* The since-version in force at opset `opset`: the highest op->since <= opset; 0 when it is older
 * than the oldest form we know. */
int op_version(const struct op *op, int opset);
/* op->infer behind the check of what no operator needs to check itself: strings go only where
 * OP_STRINGS stands, in and out.  errors: of infer; E_UNSUPPORTED for a string elsewhere */
enum status op_infer_outputs(const struct op *op, struct op_infer *ctx,
                             struct err *err) WARN_UNUSED;
/* How many of the operands stand for attributes: the length of const_attrs. */
int op_const_count(const struct op *op);

#endif
