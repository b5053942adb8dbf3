/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* TopK: the k largest or smallest elements of every line along an axis, and where they stand.
 * Always sorted, as `sorted` = 0 allows any order; the lower index comes first among equals; a NaN
 * counts as the largest number.  source: ONNX TopK-1 (attribute k), 10 (operand), 11 (largest,
 * sorted) */
#include <inttypes.h>
#include <string.h>

#include "ops/ops_priv.h"
#include "ops/order.h"

struct params {
    int64_t axis, k; /* k: of the attribute */
    bool by_attr, largest;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    bool sorted;
    p->by_attr = node->version < 10;
    p->k = -1;
    enum status s = attr_int(&node->attrs, ATTR_axis, -1, &p->axis, err);
    if (s == OK && p->by_attr)
        s = attr_int(&node->attrs, ATTR_k, -1, &p->k, err);
    if (s == OK)
        s = op_flag(node, ATTR_largest, 1, &p->largest, err);
    if (s == OK)
        s = op_flag(node, ATTR_sorted, 1, &sorted, err);
    if (s == OK && node->n_in != (p->by_attr ? 1 : 2))
        return err_set(err, E_CORRUPT, "TopK: %d inputs, expected %d", node->n_in,
                       p->by_attr ? 1 : 2);
    return s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "TopK", p->by_attr ? 1 : 2, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    struct tensor y = *x;
    int64_t k = p->k;
    int axis, n = 1;
    if (!order_key_of(x->dtype) || x->dtype == DT_BOOL)
        return op_no_kernel("TopK", 0, x, err);
    s = op_axis("TopK", p->axis, x->rank, false, &axis, err);
    if (s == OK && !p->by_attr)
        s = op_known(ctx, 1, err);
    if (s == OK && !p->by_attr)
        s = op_values("TopK", 1, ctx->in[1], &k, 1, &n, err);
    if (s != OK)
        return s;
    if (n != 1 || k < 0 || k > x->dims[axis])
        return err_set(err, E_BAD_INPUT, "TopK: k is %" PRId64 ", expected 0 to %" PRId64,
                       n == 1 ? k : -1, x->dims[axis]);
    y.dims[axis] = k;
    s = op_output(ctx, 0, "TopK", x->dtype, x->rank, y.dims, err);
    if (s == OK)
        s = op_output(ctx, 1, "TopK", DT_I64, x->rank, y.dims, err);
    if (s == OK && tensor_count(&y) > 0 &&
        __builtin_mul_overflow((uint64_t)k, sizeof(struct order_entry), &ctx->scratch_bytes))
        return err_set(err, E_BAD_INPUT, "TopK: k is %" PRId64 ", which has no size", k);
    return s;
}

/* Elements of one line. */
struct line {
    int64_t n, k, step;
    uint64_t turn; /* all ones: smaller elements get larger keys */
    order_key_fn *key;
};

static void take(const struct line *l, const void *x, int64_t at, struct order_entry *heap)
{
    int64_t n = 0;
    for (int64_t i = 0; i < l->n; i++)
        order_heap_offer(heap, &n, l->k,
                         (struct order_entry){l->key(x, at + i * l->step) ^ l->turn, i});
    order_heap_sort(heap, n);
}

static void put(const struct line *l, const struct op_run *ctx, int64_t from, int64_t to,
                const struct order_entry *heap)
{
    size_t width = dtype_bytes(ctx->in[0]->dtype);
    const uint8_t *x = ctx->in[0]->data;
    uint8_t *y = ctx->out[0]->data;
    int64_t *index = ctx->n_out > 1 && ctx->out[1] ? ctx->out[1]->data : NULL;
    for (int64_t i = 0; i < l->k; i++, to += l->step) {
        memcpy(y + (size_t)to * width, x + (size_t)(from + heap[i].at * l->step) * width, width);
        if (index)
            index[to] = heap[i].at;
    }
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    int axis;
    enum status s = op_axis("TopK", p->axis, x->rank, false, &axis, err);
    if (s != OK || tensor_count(y) == 0)
        return s;
    if (!p->by_attr && tensor_get_i64(ctx->in[1], 0) != y->dims[axis])
        return err_set(err, E_BAD_INPUT, "TopK: k is not the one that was planned");
    int64_t outer = op_span(x->dims, 0, axis), inner = op_span(x->dims, axis + 1, x->rank);
    struct line l = {x->dims[axis], y->dims[axis], inner, p->largest ? 0 : UINT64_MAX,
                     order_key_of(x->dtype)};
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            int64_t from = o * l.n * inner + i, to = o * l.k * inner + i;
            take(&l, x->data, from, ctx->scratch);
            put(&l, ctx, from, to, ctx->scratch);
        }
    return OK;
}

const struct op op_top_k = {
    .domain = "",
    .name = "TopK",
    .code = OP_CODE_top_k,
    .since = {1, 10, 11},
    .types = OP_NUMBERS,
    .in_min = 1,
    .in_max = 2,
    .out_min = 1,
    .out_max = 2,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
