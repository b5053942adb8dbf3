/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Broadcasting elementwise operators of two operands, with the one-sided broadcast of opset 6.
 * source: ONNX, "Multidirectional Broadcasting"; Add-6 (attributes axis, broadcast) */
#include "ops/binary.h"

#include "ops/broadcast.h"
#include "ops/half.h"

enum status binary_prepare(const struct op_node *node, void *params, struct err *err)
{
    struct binary_params *p = params;
    p->legacy = node->version < 7;
    if (!p->legacy)
        return OK;
    p->has_axis = attr_find(&node->attrs, ATTR_axis) != NULL;
    enum status s = attr_int(&node->attrs, ATTR_axis, 0, &p->axis, err);
    return s == OK ? op_flag(node, ATTR_broadcast, 0, &p->broadcast, err) : s;
}

binary_fn *binary_pick(const struct binary_set *set, enum dtype t)
{
    switch (t) {
    case DT_F32:
    case DT_F16:
    case DT_BF16:
        return set->f32;
    case DT_F64:
        return set->f64;
    case DT_I32:
        return set->i32;
    case DT_I64:
        return set->i64;
    case DT_BOOL:
        return set->boolean;
    case DT_I8:
        return set->i8;
    case DT_I16:
        return set->i16;
    case DT_U8:
        return set->u8;
    case DT_U16:
        return set->u16;
    case DT_U32:
        return set->u32;
    case DT_U64:
        return set->u64;
    case DT_STRING:
        return set->string;
    default:
        return NULL;
    }
}

enum status binary_align(const struct binary_params *p, const char *op, const struct tensor *a,
                         const struct tensor *b, struct tensor *out, struct err *err)
{
    *out = *b;
    if (!p || !p->legacy)
        return OK;
    if (!p->broadcast)
        return shape_same(a, b) ? OK : op_bad(op, 1, b, "the shape of input 0", err);
    int start = a->rank - b->rank;
    enum status s = p->has_axis ? op_axis(op, p->axis, a->rank, true, &start, err) : OK;
    if (s != OK)
        return s;
    if (start < 0 || start + b->rank > a->rank)
        return op_bad(op, 1, b, "dims that lie inside those of input 0", err);
    out->rank = a->rank;
    for (int d = 0; d < a->rank; d++) {
        int64_t dim = d < start || d >= start + b->rank ? 1 : b->dims[d - start];
        if (dim != 1 && dim != a->dims[d])
            return op_bad(op, 1, b, "dims that broadcast to those of input 0", err);
        out->dims[d] = dim;
    }
    return OK;
}

enum status binary_infer(struct op_infer *ctx, const struct binary_set *set, struct err *err)
{
    enum status s = op_operands(ctx, set->op, 2, err);
    if (s != OK)
        return s;
    const struct tensor *a = ctx->in[0];
    struct tensor b;
    if (!binary_pick(set, a->dtype))
        return op_no_kernel(set->op, 0, a, err);
    s = op_same_dtype(ctx, set->op, 1, err);
    if (s == OK)
        s = binary_align(ctx->params, set->op, a, ctx->in[1], &b, err);
    if (s != OK)
        return s;
    int rank;
    int64_t dims[TENSOR_RANK_MAX];
    char ta[TENSOR_TEXT_MAX], tb[TENSOR_TEXT_MAX];
    if (!shape_broadcast(a, &b, &rank, dims))
        return err_set(err, E_BAD_INPUT, "%s: %s and %s do not broadcast", set->op,
                       tensor_text(a, ta), tensor_text(ctx->in[1], tb));
    return op_output(ctx, 0, set->op, set->to_bool ? DT_BOOL : a->dtype, rank, dims, err);
}

/* One run of a broadcast. */
static void apply_run(binary_fn *f, const struct half_run *r)
{
    if (dtype_is_half(r->dtype))
        half_binary(r);
    else
        f(r->n, r->a, r->sa, r->b, r->sb, r->y);
}

void binary_apply(binary_fn *f, const struct tensor *a, const struct tensor *b,
                  const struct tensor *y)
{
    const struct tensor *in[2] = {a, b};
    struct broadcast w;
    size_t wa = dtype_bytes(a->dtype), wy = dtype_bytes(y->dtype);
    if (tensor_count(y) == 0)
        return;
    broadcast_begin(&w, y, in, 2);
    struct half_run r = {a->dtype, f, y->dtype != a->dtype, broadcast_run_count(&w), 0, 0, 0, 0, 0};
    r.sa = broadcast_run_step(&w, 0);
    r.sb = broadcast_run_step(&w, 1);
    uint8_t *out = y->data;
    do {
        r.a = (const uint8_t *)a->data + (size_t)w.at[0] * wa;
        r.b = (const uint8_t *)b->data + (size_t)w.at[1] * wa;
        r.y = out;
        apply_run(f, &r);
        out += (size_t)r.n * wy;
    } while (broadcast_next(&w));
}

enum status binary_run(const struct op_run *ctx, const struct binary_set *set, struct err *err)
{
    struct tensor b;
    enum status s = binary_align(ctx->params, set->op, ctx->in[0], ctx->in[1], &b, err);
    if (s == OK)
        binary_apply(binary_pick(set, ctx->in[0]->dtype), ctx->in[0], &b, ctx->out[0]);
    return s;
}
