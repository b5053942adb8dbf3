/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Products of byte tensors: MatMulInteger and QLinearMatMul differ in what follows the int32 sums.
 * source: ONNX MatMulInteger-10, QLinearMatMul-10 */
#include "ops/quant.h"

/* Zero points of operand x: `rows` for one matrix, or for all `matrices` of x. */
static enum status check_zero(const struct op_infer *c, const char *op, int zero, int x,
                              const int64_t shape[2], struct err *err)
{
    int64_t rows = shape[0], all;
    const struct tensor *t = quant_operand(c->n_in, c->in, zero);
    if (__builtin_mul_overflow(rows, shape[1], &all))
        all = rows;
    bool each = t && t->rank > 1 && tensor_count(t) == all;
    return quant_count(c, op, zero, c->in[x]->dtype, each ? all : rows, err);
}

enum status int_product(const struct op_infer *c, const char *op, const struct int_operands *o,
                        struct product *p, struct err *err)
{
    enum status s = quant_byte(c, op, o->a, err);
    if (s == OK)
        s = quant_byte(c, op, o->b, err);
    if (s == OK)
        s = product_describe(op, c->in[o->a], c->in[o->b], o->b, p, err);
    if (s != OK)
        return s;
    int64_t a[2] = {p->m, op_span(p->a.dims, 0, p->a.rank)};
    int64_t b[2] = {p->n, op_span(p->b.dims, 0, p->b.rank)};
    s = check_zero(c, op, o->a_zero, o->a, a, err);
    return s == OK ? check_zero(c, op, o->b_zero, o->b, b, err) : s;
}

int64_t int_product_count(const struct op_run *c, const struct int_operands *o, struct product *p)
{
    int64_t batches = op_span(p->batch, 0, p->batch_rank);
    const struct tensor *zero = quant_operand(c->n_in, c->in, o->a_zero);
    int64_t zeros = zero ? tensor_count(zero) : 1;
    if (p->b.rank > 0 || (zeros != 1 && zeros != p->m * batches))
        return batches;
    p->m *= batches;
    p->a.rank = p->batch_rank = 0;
    return 1;
}

/* Matrix number i of x: its elements, and its own zero points where every matrix has some. */
static struct bytes matrix(const struct tensor *x, const struct tensor *zero, int64_t i,
                           const int64_t shape[2])
{
    struct bytes b = quant_bytes(x, zero);
    b.data = (const uint8_t *)b.data + i * shape[0] * shape[1];
    if (b.zeros > 1 && b.zeros != shape[0]) {
        b.zero = (const uint8_t *)b.zero + i * shape[0];
        b.zeros = shape[0];
    }
    return b;
}

struct gemm_i8 int_product_at(const struct op_run *c, const struct int_operands *o,
                              const struct product *p, int64_t i)
{
    struct gemm_i8 g = {.m = p->m, .n = p->n, .k = p->k};
    int64_t a[2] = {p->m, p->k}, b[2] = {p->n, p->k};
    g.a = matrix(c->in[o->a], quant_operand(c->n_in, c->in, o->a_zero), product_matrix(p, &p->a, i),
                 a);
    g.b = matrix(c->in[o->b], quant_operand(c->n_in, c->in, o->b_zero), product_matrix(p, &p->b, i),
                 b);
    return g;
}
