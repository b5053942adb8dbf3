/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What operators share: refusing operands in one form of words, and filling outputs so that no
 * shape leaves an infer without having been proved to have a size. */
#ifndef ROOST_OPS_OPS_PRIV_H
#define ROOST_OPS_OPS_PRIV_H

#include "ops/op_list.h"

/* Spatial numbers (kernel, stride, pads, extents) beyond this are refused, so that sums and
 * products of two of them fit 63 bits. */
#define OP_EXTENT_MAX INT64_C(0x7fffffff)

/* Operand i; NULL when it is left out. */
static inline const struct tensor *op_operand(const struct tensor *const *in, int n_in, int i)
{
    return i < n_in ? in[i] : NULL;
}

/* Work of fewer multiply-adds is not shared (struct op_team): it is done before another thread is
 * awake. */
#define OP_TEAM_WORK 8e6

/* Refuses when one of the first `required` operands, or output 0, is left out.
 * errors: E_BAD_INPUT */
enum status op_operands(const struct op_infer *c, const char *op, int required,
                        struct err *err) WARN_UNUSED;

/* Sets output i (nothing when it is left out).
 * errors: E_UNSUPPORTED beyond rank 8; E_BAD_INPUT when the shape has no size in 63 bits */
enum status op_output(struct op_infer *c, int i, const char *op, enum dtype dtype, int rank,
                      const int64_t *dims, struct err *err) WARN_UNUSED;

/* "Conv: input 1 is float16[2]: no kernel for this dtype".  Always E_UNSUPPORTED. */
enum status op_no_kernel(const char *op, int operand, const struct tensor *t, struct err *err);
/* "Conv: input 1 is float32[2], expected <expected>".  Always E_BAD_INPUT. */
enum status op_bad(const char *op, int operand, const struct tensor *t, const char *expected,
                   struct err *err);

/* Operand i has dtype t.  errors: E_UNSUPPORTED */
enum status op_only(const struct op_infer *c, const char *op, int operand, enum dtype t,
                    struct err *err) WARN_UNUSED;
/* Operand i, when given, has operand 0's dtype.  errors: E_BAD_INPUT */
enum status op_same_dtype(const struct op_infer *c, const char *op, int operand,
                          struct err *err) WARN_UNUSED;

/* A possibly negative axis, made 0 <= *out < rank (<= rank with `end`: "before the end" counts).
 * errors: E_BAD_INPUT */
enum status op_axis(const char *op, int64_t axis, int rank, bool end, int *out,
                    struct err *err) WARN_UNUSED;

/* In infer: op_needs_data when the operand is given, has elements, and its value is not known. */
enum status op_known(struct op_infer *c, int operand, struct err *err) WARN_UNUSED;

/* Reads the integers of a vector (or scalar) operand that decides a shape; infer asked op_known.
 * errors: E_BAD_INPUT for another dtype or rank or more than max elements; E_UNSUPPORTED when its
 * value is not known */
enum status op_values(const char *op, int operand, const struct tensor *t, int64_t *out, int max,
                      int *n, struct err *err) WARN_UNUSED;

/* The product of dims[from..to); the whole shape must have passed tensor_bytes. 0 dims elsewhere
 * can hide a product that does not fit: then it saturates, and multiplies nothing. */
int64_t op_span(const int64_t *dims, int from, int to);

/* Copies in's bytes to out unless they are the same bytes already (OP_VIEW, OP_IN_PLACE). */
void op_copy(const struct tensor *in, const struct tensor *out);

/* An attribute that is 0 or 1.  errors: E_CORRUPT */
enum status op_flag(const struct op_node *node, enum attr_key k, int64_t def, bool *out,
                    struct err *err) WARN_UNUSED;

/* Fused operators: activation, act_low, act_high.  errors: E_CORRUPT; E_UNSUPPORTED (unknown) */
enum status op_activation(const struct op_node *node, struct epilogue *out,
                          struct err *err) WARN_UNUSED;
/* Products of packed matrices: columns, at least 1.  errors: E_CORRUPT */
enum status op_columns(const struct op_node *node, const char *op, int64_t *out,
                       struct err *err) WARN_UNUSED;

#endif
