/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Slice, of any dtype, with steps of either sign; starts and ends are clamped to the dim, so that
 * no number can point outside.  source: ONNX Slice-1 (attributes), Slice-10, Slice-13 (operands) */
#include <inttypes.h>
#include <string.h>

#include "kernels/strided.h"
#include "ops/ops_priv.h"

/* Slice-1's attributes. */
struct params {
    bool by_attr;
    int32_t n, n_axes;
    int64_t starts[TENSOR_RANK_MAX], ends[TENSOR_RANK_MAX], axes[TENSOR_RANK_MAX];
};

/* What to take of each of the input's dims. */
struct cut {
    int64_t start[TENSOR_RANK_MAX], step[TENSOR_RANK_MAX], count[TENSOR_RANK_MAX];
};

/* starts, ends, axes, steps, wherever they stand; n_axes 0: the first dims in order. */
struct spec {
    int n, n_ends, n_axes, n_steps;
    int64_t starts[TENSOR_RANK_MAX], ends[TENSOR_RANK_MAX];
    int64_t axes[TENSOR_RANK_MAX], steps[TENSOR_RANK_MAX];
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    int n = 0, n_ends = 0, n_axes = 0;
    p->by_attr = node->version < 10;
    if (!p->by_attr)
        return node->n_in >= 3
                   ? OK
                   : err_set(err, E_CORRUPT, "Slice: %d inputs, expected 3 to 5", node->n_in);
    enum status s = attr_ints(&node->attrs, ATTR_starts, p->starts, TENSOR_RANK_MAX, &n, err);
    if (s == OK)
        s = attr_ints(&node->attrs, ATTR_ends, p->ends, TENSOR_RANK_MAX, &n_ends, err);
    if (s == OK)
        s = attr_ints(&node->attrs, ATTR_axes, p->axes, TENSOR_RANK_MAX, &n_axes, err);
    if (s == OK && n != n_ends)
        return err_set(err, E_CORRUPT, "Slice: %d starts and %d ends", n, n_ends);
    p->n = n;
    p->n_axes = n_axes;
    return s;
}

static enum status read_spec(const struct params *p, int n_in, const struct tensor *const *in,
                             struct spec *out, struct err *err)
{
    if (p->by_attr) {
        out->n = out->n_ends = p->n;
        out->n_axes = p->n_axes;
        out->n_steps = 0;
        memcpy(out->starts, p->starts, sizeof(out->starts));
        memcpy(out->ends, p->ends, sizeof(out->ends));
        memcpy(out->axes, p->axes, sizeof(out->axes));
        return OK;
    }
    int *counts[] = {&out->n, &out->n_ends, &out->n_axes, &out->n_steps};
    int64_t *lists[] = {out->starts, out->ends, out->axes, out->steps};
    enum status s = OK;
    for (int i = 0; i < 4 && s == OK; i++) {
        *counts[i] = 0;
        if (i + 1 < n_in && in[i + 1])
            s = op_values("Slice", i + 1, in[i + 1], lists[i], TENSOR_RANK_MAX, counts[i], err);
    }
    return s;
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* numpy's rules for x[start:end:step] on a dim. */
static void cut_dim(struct cut *c, int axis, int64_t dim, int64_t start, int64_t end, int64_t step)
{
    start += start < 0 ? dim : 0;
    end += end < 0 ? dim : 0;
    start = step > 0 ? clamp(start, 0, dim) : clamp(start, 0, dim - 1);
    end = step > 0 ? clamp(end, 0, dim) : clamp(end, -1, dim - 1);
    int64_t span = step > 0 ? end - start : start - end;
    uint64_t stride = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    c->start[axis] = start;
    c->step[axis] = step;
    c->count[axis] = span <= 0 || dim == 0 ? 0 : (int64_t)(((uint64_t)span - 1) / stride) + 1;
}

static enum status make_cut(const struct params *p, int n_in, const struct tensor *const *in,
                            struct cut *c, struct err *err)
{
    struct spec spec;
    const struct tensor *x = in[0];
    enum status s = read_spec(p, n_in, in, &spec, err);
    if (s != OK)
        return s;
    if (spec.n != spec.n_ends || (spec.n_axes && spec.n_axes != spec.n) ||
        (spec.n_steps && spec.n_steps != spec.n) || spec.n > x->rank)
        return err_set(err, E_BAD_INPUT, "Slice: %d starts, %d ends, %d axes, %d steps for rank %d",
                       spec.n, spec.n_ends, spec.n_axes, spec.n_steps, x->rank);
    for (int d = 0; d < x->rank; d++)
        cut_dim(c, d, x->dims[d], 0, x->dims[d], 1);
    unsigned seen = 0;
    for (int i = 0; i < spec.n; i++) {
        int axis = i;
        if (spec.n_axes)
            s = op_axis("Slice", spec.axes[i], x->rank, false, &axis, err);
        if (s != OK)
            return s;
        int64_t step = spec.n_steps ? spec.steps[i] : 1;
        if (step == 0 || seen & (1u << axis))
            return err_set(err, E_BAD_INPUT, "Slice: axis %d has step %" PRId64 " or comes twice",
                           axis, step);
        seen |= 1u << axis;
        cut_dim(c, axis, x->dims[axis], spec.starts[i], spec.ends[i], step);
    }
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    struct cut c;
    enum status s = op_operands(ctx, "Slice", p->by_attr ? 1 : 3, err);
    for (int i = 1; s == OK && i < ctx->n_in; i++)
        s = op_known(ctx, i, err);
    if (s == OK)
        s = make_cut(p, ctx->n_in, ctx->in, &c, err);
    return s == OK ? op_output(ctx, 0, "Slice", ctx->in[0]->dtype, ctx->in[0]->rank, c.count, err)
                   : s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    struct cut c;
    enum status s = make_cut(ctx->params, ctx->n_in, ctx->in, &c, err);
    if (s != OK)
        return s;
    if (memcmp(c.count, y->dims, (size_t)y->rank * sizeof(y->dims[0])) != 0)
        return err_set(err, E_BAD_INPUT, "Slice: the slice is not the one that was planned");
    if (tensor_count(y) == 0)
        return OK;
    struct strided copy = {.rank = 0};
    int64_t at = 0;
    for (int d = 0; d < y->rank; d++) {
        int64_t step = op_span(x->dims, d + 1, x->rank);
        at += c.start[d] * step;
        strided_dim(&copy, y->dims[d], y->dims[d] == 1 ? 0 : c.step[d] * step,
                    op_span(y->dims, d + 1, y->rank));
    }
    int width = (int)dtype_bytes(x->dtype);
    strided_copy(&copy, (const uint8_t *)x->data + at * width, y->data, width);
    return OK;
}

const struct op op_slice = {
    .domain = "",
    .name = "Slice",
    .code = OP_CODE_slice,
    .since = {1, 10, 11, 13},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 5,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
