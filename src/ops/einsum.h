/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Einsum: the equation, the axes it names, and the products that follow from them. */
#ifndef ROOST_OPS_EINSUM_H
#define ROOST_OPS_EINSUM_H

#include "ops/ops_priv.h"

enum { EINSUM_OPERANDS = 8, EINSUM_AXES = 64 };

/* One operand's labels, or the output's. */
struct einsum_term {
    uint8_t n;
    int8_t dots; /* "..." stands before label number dots; -1: nowhere */
    char labels[TENSOR_RANK_MAX];
};

struct einsum_params {
    uint8_t n; /* operands */
    struct einsum_term in[EINSUM_OPERANDS], out;
};

/* errors: E_CORRUPT; E_UNSUPPORTED (more operands or labels than above) */
enum status einsum_parse(const char *text, size_t len, struct einsum_params *p,
                         struct err *err) WARN_UNUSED;

/* An operand as a view over all axes of the equation: a label that stands twice walks a diagonal, a
 * dim of 1 beside a longer one repeats. */
struct einsum_view {
    enum dtype dtype;
    const void *data;
    uint64_t mask; /* the axes it has */
    int64_t step[EINSUM_AXES];
};

struct einsum {
    int n, n_out;
    int64_t dims[EINSUM_AXES]; /* of every axis */
    int out[EINSUM_AXES];      /* the output's axes, outermost first */
    struct einsum_view in[EINSUM_OPERANDS];
};

/* Lays the equation on the operands.  errors: E_BAD_INPUT; E_UNSUPPORTED (output of rank 9) */
enum status einsum_bind(const struct einsum_params *p, const struct tensor *const *in,
                        struct einsum *e, struct err *err) WARN_UNUSED;

/* Sums and products run in the dtype of compute: float32, float64, or int64 for all integers. */
enum dtype einsum_compute(enum dtype t); /* DT_NONE: no kernel */

/* Bytes that the contraction needs; false when they do not fit 63 bits. */
bool einsum_scratch(const struct einsum *e, uint64_t *bytes) WARN_UNUSED;
/* y has the output's shape and elements. */
void einsum_contract(const struct einsum *e, const struct tensor *y, void *scratch);

#endif
