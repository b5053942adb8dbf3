/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Updates written into a copy of the data, in the order of the indices; every place is checked
 * before it is written.
 * source: ONNX Scatter-9, ScatterElements-11, 13, 16 (add, mul), 18 (max, min), ScatterND-18 */
#include <string.h>

#include "ops/scatter.h"

enum status scatter_prepare(const struct op_node *node, void *params, struct err *err)
{
    static const char *const names[] = {"none", "add", "mul", "max", "min"};
    struct scatter_params *p = params;
    const char *text;
    size_t len;
    enum status s = attr_int(&node->attrs, ATTR_axis, 0, &p->axis, err);
    if (s == OK)
        s = attr_string(&node->attrs, ATTR_reduction, "none", &text, &len, err);
    if (s != OK)
        return s;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0) {
            p->reduction = (enum reduction)i;
            return OK;
        }
    return err_set(err, E_CORRUPT, "attribute reduction is not one that ONNX knows");
}

enum status scatter_infer(struct op_infer *ctx, const char *op, struct err *err)
{
    const struct scatter_params *p = ctx->params;
    enum status s = op_operands(ctx, op, 3, err);
    if (s == OK)
        s = index_dtype(ctx, op, 1, err);
    if (s == OK)
        s = op_same_dtype(ctx, op, 2, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    bool number =
        x->dtype != DT_BOOL && x->dtype != DT_F16 && x->dtype != DT_BF16 && x->dtype != DT_STRING;
    if (p->reduction != REDUCE_NONE && !number)
        return op_no_kernel(op, 0, x, err);
    return op_output(ctx, 0, op, x->dtype, x->rank, x->dims, err);
}

/* Integers are reduced as unsigned numbers where the bits agree, so that sums and products wrap. */
#define UPDATE(type, wrap)                                                                         \
    do {                                                                                           \
        type *y = to;                                                                              \
        const type *u = from;                                                                      \
        for (int64_t i = 0; i < n; i++) {                                                          \
            if (r == REDUCE_ADD)                                                                   \
                y[i] = (type)((wrap)y[i] + (wrap)u[i]);                                            \
            else if (r == REDUCE_MUL)                                                              \
                y[i] = (type)((wrap)y[i] * (wrap)u[i]);                                            \
            else if (r == REDUCE_MAX)                                                              \
                y[i] = u[i] > y[i] || u[i] != u[i] ? u[i] : y[i];                                  \
            else                                                                                   \
                y[i] = u[i] < y[i] || u[i] != u[i] ? u[i] : y[i];                                  \
        }                                                                                          \
    } while (0)

static void reduce(enum reduction r, enum dtype t, void *to, const void *from, int64_t n)
{
    switch (t) {
    case DT_F32:
        UPDATE(float, float);
        break;
    case DT_F64:
        UPDATE(double, double);
        break;
    case DT_I8:
        UPDATE(int8_t, uint32_t);
        break;
    case DT_U8:
        UPDATE(uint8_t, uint32_t);
        break;
    case DT_I16:
        UPDATE(int16_t, uint32_t);
        break;
    case DT_U16:
        UPDATE(uint16_t, uint32_t);
        break;
    case DT_I32:
        UPDATE(int32_t, uint32_t);
        break;
    case DT_U32:
        UPDATE(uint32_t, uint32_t);
        break;
    case DT_I64:
        UPDATE(int64_t, uint64_t);
        break;
    default:
        UPDATE(uint64_t, uint64_t);
        break;
    }
}

void scatter_update(enum reduction r, enum dtype t, void *to, const void *from, int64_t n)
{
    if (r == REDUCE_NONE)
        memcpy(to, from, (size_t)n * dtype_bytes(t));
    else
        reduce(r, t, to, from, n);
}

enum status scatter_elements_infer(struct op_infer *ctx, const char *op, struct err *err)
{
    const struct scatter_params *p = ctx->params;
    int axis;
    enum status s = scatter_infer(ctx, op, err);
    if (s == OK)
        s = op_axis(op, p->axis, ctx->in[0]->rank, false, &axis, err);
    if (s == OK)
        s = index_beside(op, ctx->in[0], ctx->in[1], axis, err);
    if (s == OK && !shape_same(ctx->in[1], ctx->in[2]))
        return op_bad(op, 2, ctx->in[2], "the shape of the indices", err);
    return s;
}

enum status scatter_elements_run(const struct op_run *ctx, const char *op, struct err *err)
{
    const struct scatter_params *p = ctx->params;
    const struct tensor *updates = ctx->in[2], *y = ctx->out[0];
    struct index_walk walk = {.op = op, .x = y, .index = ctx->in[1]};
    enum status s = op_axis(op, p->axis, y->rank, false, &walk.axis, err);
    if (s != OK)
        return s;
    op_copy(ctx->in[0], y);
    size_t width = dtype_bytes(y->dtype);
    int64_t n = tensor_count(walk.index), place = 0;
    const uint8_t *from = updates->data;
    for (int64_t i = 0; i < n && s == OK; i++, from += width) {
        s = index_walk_next(&walk, &place, err);
        if (s == OK)
            scatter_update(p->reduction, y->dtype, (uint8_t *)y->data + (size_t)place * width, from,
                           1);
    }
    return s;
}
