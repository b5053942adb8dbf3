/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What the operators on quantized tensors share: scales and zero points as operands, one for the
 * whole tensor or one for each channel, row or column. */
#ifndef ROOST_OPS_QUANT_H
#define ROOST_OPS_QUANT_H

#include "kernels/int8.h"
#include "ops/matmul_common.h"

/* Operand i is int8 or uint8.  errors: E_UNSUPPORTED */
enum status quant_byte(const struct op_infer *c, const char *op, int i,
                       struct err *err) WARN_UNUSED;

/* Operand i, which may be left out, has one element, or `many`, and dtype t.
 * errors: E_BAD_INPUT */
enum status quant_count(const struct op_infer *c, const char *op, int i, enum dtype t, int64_t many,
                        struct err *err) WARN_UNUSED;

/* Operand i or NULL. */
const struct tensor *quant_operand(int n, const struct tensor *const *all, int i);
/* Element i, or the only one. */
float quant_scale(const struct tensor *scale, int64_t i);
/* The same; 0 when t is NULL. */
int32_t quant_zero(const struct tensor *t, int64_t i);
/* Bytes of x with their zero points, which may be NULL. */
struct bytes quant_bytes(const struct tensor *x, const struct tensor *zero);

/* Which operands a product of bytes has where. */
struct int_operands {
    int a, b, a_zero, b_zero;
};
/* Proves them, and sets p. Zero points: one, one for each row of a matrix (column, of b), or one
 * for each row of every matrix.  errors: E_BAD_INPUT, E_UNSUPPORTED */
enum status int_product(const struct op_infer *c, const char *op, const struct int_operands *o,
                        struct product *p, struct err *err) WARN_UNUSED;
/* The number of products to make; one of all rows where one right side meets all of them. */
int64_t int_product_count(const struct op_run *c, const struct int_operands *o, struct product *p);
/* Product i of them, but for y and scratch. */
struct gemm_i8 int_product_at(const struct op_run *c, const struct int_operands *o,
                              const struct product *p, int64_t i);

#endif
