/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The place of the largest or smallest element along an axis, as int64. A NaN counts as beyond all
 * numbers, as numpy has it; of equals the first, or the last when asked.
 * source: ONNX ArgMax-13, ArgMin-13 */
#include "ops/arg.h"

enum status arg_prepare(const struct op_node *node, void *params, struct err *err)
{
    struct arg_params *p = params;
    enum status s = attr_int(&node->attrs, ATTR_axis, 0, &p->axis, err);
    if (s == OK)
        s = op_flag(node, ATTR_keepdims, 1, &p->keep, err);
    return s == OK ? op_flag(node, ATTR_select_last_index, 0, &p->last, err) : s;
}

enum status arg_infer(struct op_infer *ctx, const char *op, struct err *err)
{
    const struct arg_params *p = ctx->params;
    enum status s = op_operands(ctx, op, 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    int axis, rank = 0;
    s = op_axis(op, p->axis, x->rank, false, &axis, err);
    if (s != OK)
        return s;
    if (!dtype_is_float(x->dtype) && !dtype_is_int(x->dtype))
        return op_no_kernel(op, 0, x, err);
    int64_t dims[TENSOR_RANK_MAX];
    for (int d = 0; d < x->rank; d++)
        if (d != axis || p->keep)
            dims[rank++] = d == axis ? 1 : x->dims[d];
    s = op_output(ctx, 0, op, DT_I64, rank, dims, err);
    if (s == OK && x->dims[axis] == 0 && tensor_count(ctx->out[0]) > 0)
        return op_bad(op, 0, x, "elements along the axis", err);
    return s;
}

#define FIND(type)                                                                                 \
    do {                                                                                           \
        const type *v = data;                                                                      \
        type b = v[start];                                                                         \
        for (int64_t i = 1; i < n && b == b; i++) {                                                \
            type e = v[start + i * step];                                                          \
            bool beyond = max ? e > b : e < b;                                                     \
            if (beyond || e != e || (last && e == b)) {                                            \
                b = e;                                                                             \
                best = i;                                                                          \
            }                                                                                      \
        }                                                                                          \
    } while (0)

struct way {
    bool max, last;
};

/* The same of 16-bit floats and of integers of at most 32 bits. */
static int64_t find_small(const struct tensor *x, int64_t start, int64_t n, int64_t step,
                          struct way way)
{
    int64_t best = 0;
    double b = tensor_get_f64(x, start);
    for (int64_t i = 1; i < n && b == b; i++) {
        double e = tensor_get_f64(x, start + i * step);
        if ((way.max ? e > b : e < b) || e != e || (way.last && e == b)) {
            b = e;
            best = i;
        }
    }
    return best;
}

static int64_t find(const struct tensor *x, int64_t start, int64_t n, int64_t step, bool max,
                    bool last)
{
    const void *data = x->data;
    int64_t best = 0;
    switch (x->dtype) {
    case DT_F32:
        FIND(float);
        break;
    case DT_F64:
        FIND(double);
        break;
    case DT_I32:
        FIND(int32_t);
        break;
    case DT_I64:
        FIND(int64_t);
        break;
    case DT_U64:
        FIND(uint64_t);
        break;
    default: /* what a double holds exactly */
        return find_small(x, start, n, step, (struct way){max, last});
    }
    return best;
}

enum status arg_run(const struct op_run *ctx, const char *op, bool max, struct err *err)
{
    const struct arg_params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    int axis;
    enum status s = op_axis(op, p->axis, x->rank, false, &axis, err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    int64_t outer = op_span(x->dims, 0, axis), inner = op_span(x->dims, axis + 1, x->rank);
    int64_t n = x->dims[axis], *y = ctx->out[0]->data;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++)
            *y++ = find(x, o * n * inner + i, n, inner, max, p->last);
    return OK;
}
