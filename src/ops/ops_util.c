/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What operators share; see ops_priv.h. Refusals name the operator, the operand, what came and what
 * was expected. */
#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "kernels/kernels.h"
#include "ops/ops_priv.h"

enum status op_infer_outputs(const struct op *op, struct op_infer *ctx, struct err *err)
{
    bool strings = op->flags & OP_STRINGS;
    for (int i = 0; !strings && i < ctx->n_in; i++)
        if (ctx->in[i] && ctx->in[i]->dtype == DT_STRING)
            return op_no_kernel(op->name, i, ctx->in[i], err);
    enum status s = op->infer(ctx, err);
    for (int i = 0; s == OK && !strings && i < ctx->n_out; i++)
        if (ctx->out[i] && ctx->out[i]->dtype == DT_STRING)
            return err_set(err, E_UNSUPPORTED, "%s: output %d would be of strings", op->name, i);
    return s;
}

enum status op_operands(const struct op_infer *c, const char *op, int required, struct err *err)
{
    for (int i = 0; i < required; i++)
        if (i >= c->n_in || !c->in[i])
            return err_set(err, E_BAD_INPUT, "%s: input %d is left out but required", op, i);
    if (c->n_out < 1 || !c->out[0])
        return err_set(err, E_BAD_INPUT, "%s: output 0 is left out", op);
    return OK;
}

enum status op_output(struct op_infer *c, int i, const char *op, enum dtype dtype, int rank,
                      const int64_t *dims, struct err *err)
{
    if (i >= c->n_out || !c->out[i])
        return OK;
    if (rank > TENSOR_RANK_MAX)
        return err_set(err, E_UNSUPPORTED, "%s: output %d has rank %d, at most %d is supported", op,
                       i, rank, TENSOR_RANK_MAX);
    tensor_set_shape(c->out[i], dtype, rank, dims);
    uint64_t bytes;
    char text[TENSOR_TEXT_MAX];
    if (!tensor_bytes(c->out[i], &bytes))
        return err_set(err, E_BAD_INPUT, "%s: output %d would be %s, which has no size", op, i,
                       tensor_text(c->out[i], text));
    return OK;
}

enum status op_no_kernel(const char *op, int operand, const struct tensor *t, struct err *err)
{
    char text[TENSOR_TEXT_MAX];
    return err_set(err, E_UNSUPPORTED, "%s: input %d is %s: no kernel for this dtype", op, operand,
                   tensor_text(t, text));
}

enum status op_bad(const char *op, int operand, const struct tensor *t, const char *expected,
                   struct err *err)
{
    char text[TENSOR_TEXT_MAX];
    return err_set(err, E_BAD_INPUT, "%s: input %d is %s, expected %s", op, operand,
                   tensor_text(t, text), expected);
}

enum status op_only(const struct op_infer *c, const char *op, int operand, enum dtype t,
                    struct err *err)
{
    if (operand >= c->n_in || !c->in[operand] || c->in[operand]->dtype == t)
        return OK;
    return op_no_kernel(op, operand, c->in[operand], err);
}

enum status op_same_dtype(const struct op_infer *c, const char *op, int operand, struct err *err)
{
    if (operand >= c->n_in || !c->in[operand] || c->in[operand]->dtype == c->in[0]->dtype)
        return OK;
    return op_bad(op, operand, c->in[operand], dtype_text(c->in[0]->dtype), err);
}

enum status op_axis(const char *op, int64_t axis, int rank, bool end, int *out, struct err *err)
{
    int64_t limit = rank + (end ? 1 : 0);
    if (axis < -rank || axis >= limit)
        return err_set(err, E_BAD_INPUT, "%s: axis %" PRId64 " is outside rank %d", op, axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return OK;
}

enum status op_needs_data(struct op_infer *ctx, int operand, struct err *err)
{
    ctx->needs_data = true;
    return err_set(err, E_UNSUPPORTED, "the value of input %d decides the shape and is not known",
                   operand);
}

enum status op_known(struct op_infer *c, int operand, struct err *err)
{
    if (operand >= c->n_in || !c->in[operand] || c->in[operand]->data ||
        tensor_count(c->in[operand]) == 0)
        return OK;
    return op_needs_data(c, operand, err);
}

enum status op_values(const char *op, int operand, const struct tensor *t, int64_t *out, int max,
                      int *n, struct err *err)
{
    if ((t->dtype != DT_I64 && t->dtype != DT_I32) || t->rank > 1)
        return op_bad(op, operand, t, "int64[n]", err);
    int64_t count = tensor_count(t);
    if (count > max)
        return err_set(err, E_BAD_INPUT, "%s: input %d has %" PRId64 " elements, at most %d", op,
                       operand, count, max);
    if (count && !t->data)
        return err_set(err, E_UNSUPPORTED,
                       "%s: the value of input %d decides the shape and is not known", op, operand);
    for (int64_t i = 0; i < count; i++)
        out[i] = tensor_get_i64(t, i);
    *n = (int)count;
    return OK;
}

int64_t op_span(const int64_t *dims, int from, int to)
{
    int64_t n = 1;
    for (int i = from; i < to; i++)
        if (__builtin_mul_overflow(n, dims[i], &n))
            n = INT64_MAX;
    return n;
}

void op_copy(const struct tensor *in, const struct tensor *out)
{
    size_t bytes = (size_t)tensor_count(in) * dtype_bytes(in->dtype);
    if (in->data != out->data && bytes)
        memcpy(out->data, in->data, bytes);
}

enum status op_flag(const struct op_node *node, enum attr_key k, int64_t def, bool *out,
                    struct err *err)
{
    int64_t v;
    enum status s = attr_int(&node->attrs, k, def, &v, err);
    if (s != OK)
        return s;
    if (v != 0 && v != 1)
        return err_set(err, E_CORRUPT, "attribute %s is %" PRId64 ", expected 0 or 1", attr_name(k),
                       v);
    *out = v == 1;
    return OK;
}

enum status op_activation(const struct op_node *node, struct epilogue *out, struct err *err)
{
    int64_t act;
    enum status s = attr_int(&node->attrs, ATTR_activation, ACT_NONE, &act, err);
    if (s == OK)
        s = attr_float(&node->attrs, ATTR_act_low, 0, &out->low, err);
    if (s == OK)
        s = attr_float(&node->attrs, ATTR_act_high, 0, &out->high, err);
    if (s != OK)
        return s;
    if (act < ACT_NONE || act > ACT_LAST)
        return err_set(err, E_UNSUPPORTED, "activation %" PRId64 " is not known", act);
    out->act = (enum activation)act;
    return OK;
}

enum status op_columns(const struct op_node *node, const char *op, int64_t *out, struct err *err)
{
    enum status s = attr_int(&node->attrs, ATTR_columns, 0, out, err);
    return s == OK && *out < 1
               ? err_set(err, E_CORRUPT, "%s: attribute columns is %" PRId64, op, *out)
               : s;
}
