/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Runs one operator outside any program, as the runtime would: table, prepare, infer, buffers, run.
 */
#ifndef ROOST_TESTS_OP_CASE_H
#define ROOST_TESTS_OP_CASE_H

#include "ops/op.h"
#include "support/support.h"

enum { CASE_OPERANDS = 12, CASE_ATTRS = 12, CASE_LIST = 16 };

/* All zero is a case without operands. Inputs' data is borrowed, attributes are copied. Not to be
 * copied itself. */
struct op_case {
    const char *domain; /* NULL: ai.onnx */
    const char *name;
    int opset;          /* 0: the newest form */
    int n_out;          /* 0: one */
    uint64_t bytes_max; /* not 0: what would need more, all in all, is E_UNSUPPORTED */
    bool blind;         /* infer sees no input's data: nothing is known at plan time */
    struct tensor in[CASE_OPERANDS];
    bool left_out[CASE_OPERANDS]; /* optional inputs */
    int n_in;
    struct attr attrs[CASE_ATTRS];
    uint32_t n_attrs;
    int64_t lists[CASE_ATTRS][CASE_LIST]; /* what attrs of type INTS point to */
    struct tensor out[CASE_OPERANDS];     /* data: heap, freed by case_fini */
    uint64_t scratch_bytes;               /* what infer asked for */
    bool needs_data;                      /* infer said so */
};

struct op_case *case_begin(struct op_case *c, const char *name, int opset);
/* Appends an operand; dims ends with -1. */
void case_in(struct op_case *c, enum dtype t, const int64_t *dims, const void *data);
#define CASE_DIMS(...) ((const int64_t[]){__VA_ARGS__, -1})
#define CASE_SCALAR ((const int64_t[]){-1})
void case_none(struct op_case *c);
void case_int(struct op_case *c, enum attr_key k, int64_t v);
void case_float(struct op_case *c, enum attr_key k, float v);
void case_str(struct op_case *c, enum attr_key k, const char *v);
void case_ints(struct op_case *c, enum attr_key k, const int64_t *v, uint32_t n);
void case_floats(struct op_case *c, enum attr_key k, const float *v, uint32_t n); /* borrowed */
#define CASE_INTS(c, k, ...)                                                                       \
    case_ints(c, k, (const int64_t[]){__VA_ARGS__}, ARRAY_COUNT(((const int64_t[]){__VA_ARGS__})))

/* Everything, or as far as it goes. Output data and scratch are filled with 0xa5 before the run. */
enum status case_run(struct op_case *c, struct err *err) WARN_UNUSED;
void case_fini(struct op_case *c);

/* Output i has exactly this dtype and shape. */
void case_expect_shape(const struct op_case *c, int i, enum dtype t, const int64_t *dims);
/* ... and these values: |got - want| <= atol + rtol * |want|; NaN equals NaN; integers exact. */
void case_expect(const struct op_case *c, int i, enum dtype t, const int64_t *dims,
                 const void *want, double rtol, double atol);

#endif
