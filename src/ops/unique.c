/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Unique, of any dtype: the different slices along an axis (without one, the elements), in order or
 * as they first come up; where each comes first, which of them every slice is, how often each
 * comes. Slices are ordered element by element; all NaNs are one, behind every number.
 *
 * The slices are sorted, so that equal ones stand side by side, by merging: n log n comparisons.
 * source: ONNX Unique-11; numpy.unique */
#include <string.h>

#include "base/checked.h"
#include "ops/ops_priv.h"
#include "ops/order.h"
#include "tensor/text.h"

struct params {
    int64_t axis;
    bool has_axis, sorted;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    p->has_axis = attr_find(&node->attrs, ATTR_axis) != NULL;
    enum status s = attr_int(&node->attrs, ATTR_axis, 0, &p->axis, err);
    return s == OK ? op_flag(node, ATTR_sorted, 1, &p->sorted, err) : s;
}

/* x as [outer][n][inner], and a list of n in scratch for each of these. */
struct slices {
    const struct tensor *x;
    order_key_fn *key; /* NULL: texts */
    int axis;
    int64_t outer, n, inner;
};
enum list { BY_ORDER, SPARE, GROUP, FIRST, COUNT, PLACE, LISTS };

static enum status describe(const struct params *p, const struct tensor *x, struct slices *s,
                            struct err *err)
{
    *s = (struct slices){.x = x, .key = order_key_of(x->dtype), .outer = 1, .inner = 1};
    if (!s->key && x->dtype != DT_STRING)
        return op_no_kernel("Unique", 0, x, err);
    s->n = tensor_count(x);
    if (!p->has_axis)
        return OK;
    enum status st = op_axis("Unique", p->axis, x->rank, false, &s->axis, err);
    if (st != OK)
        return st;
    s->n = x->dims[s->axis];
    s->outer = tensor_count(x) ? op_span(x->dims, 0, s->axis) : 0;
    s->inner = op_span(x->dims, s->axis + 1, x->rank);
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    struct slices s;
    enum status st = op_operands(ctx, "Unique", 1, err);
    if (st == OK)
        st = describe(p, ctx->in[0], &s, err);
    if (st != OK)
        return st;
    const struct tensor *x = ctx->in[0];
    if (!checked_mul((uint64_t)s.n, LISTS * sizeof(int64_t), &ctx->scratch_bytes))
        return op_bad("Unique", 0, x, "fewer slices", err);
    st = p->has_axis ? op_output(ctx, 0, "Unique", x->dtype, x->rank, x->dims, err)
                     : op_output(ctx, 0, "Unique", x->dtype, 1, &s.n, err);
    for (int i = 1; i < 4 && st == OK; i++)
        st = op_output(ctx, i, "Unique", DT_I64, 1, &s.n, err);
    return st;
}

/* Below 0, 0, above 0: slice a before, equal to, behind slice b. */
static int compare(const struct slices *s, int64_t a, int64_t b)
{
    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t i = 0; i < s->inner; i++) {
            int64_t pa = (o * s->n + a) * s->inner + i, pb = (o * s->n + b) * s->inner + i;
            if (!s->key) {
                int order = text_order(text_get(s->x, pa), text_get(s->x, pb));
                if (order)
                    return order;
                continue;
            }
            uint64_t ka = s->key(s->x->data, pa), kb = s->key(s->x->data, pb);
            if (ka != kb)
                return ka < kb ? -1 : 1;
        }
    return 0;
}

/* Merges two sorted neighbours; equal slices keep their places. */
static void merge(const struct slices *s, const int64_t *from, int64_t n, int64_t half, int64_t *to)
{
    int64_t a = 0, b = half;
    for (int64_t i = 0; i < n; i++) {
        bool left = b == n || (a < half && compare(s, from[a], from[b]) <= 0);
        to[i] = left ? from[a++] : from[b++];
    }
}

/* The slices' numbers in order: in one of the two lists. */
static int64_t *sort(const struct slices *s, int64_t *list, int64_t *spare)
{
    for (int64_t i = 0; i < s->n; i++)
        list[i] = i;
    for (int64_t width = 1; width < s->n; width *= 2) {
        for (int64_t i = 0; i < s->n; i += 2 * width)
            merge(s, list + i, MIN(2 * width, s->n - i), MIN(width, s->n - i), spare + i);
        int64_t *t = list;
        list = spare;
        spare = t;
    }
    return list;
}

/* Fills GROUP (of each slice), FIRST and COUNT (of each group), groups in order. */
static int64_t group(const struct slices *s, const int64_t *order, int64_t *lists)
{
    int64_t *of = lists + GROUP * s->n, *first = lists + FIRST * s->n;
    int64_t *count = lists + COUNT * s->n, groups = 0;
    for (int64_t i = 0; i < s->n; i++) {
        if (i == 0 || compare(s, order[i - 1], order[i]) != 0) {
            first[groups] = order[i];
            count[groups++] = 0;
        }
        count[groups - 1]++;
        of[order[i]] = groups - 1;
    }
    return groups;
}

/* PLACE: where each group stands in the output. */
static void place(const struct slices *s, bool sorted, int64_t groups, int64_t *lists)
{
    int64_t *of = lists + GROUP * s->n, *first = lists + FIRST * s->n;
    int64_t *places = lists + PLACE * s->n, next = 0;
    for (int64_t i = 0; i < groups && sorted; i++)
        places[i] = i;
    for (int64_t i = 0; i < s->n && !sorted; i++)
        if (first[of[i]] == i)
            places[of[i]] = next++;
}

static void copy_slice(const struct slices *s, int64_t from, const struct tensor *y, int64_t groups,
                       int64_t to)
{
    size_t width = dtype_bytes(s->x->dtype), bytes = (size_t)s->inner * width;
    for (int64_t o = 0; o < s->outer; o++)
        memcpy((uint8_t *)y->data + (size_t)(o * groups + to) * bytes,
               (const uint8_t *)s->x->data + (size_t)(o * s->n + from) * bytes, bytes);
}

/* Output i with n elements; NULL: left out. */
static int64_t *numbers(const struct op_run *ctx, int i, int64_t n)
{
    if (i >= ctx->n_out || !ctx->out[i])
        return NULL;
    ctx->out[i]->dims[0] = n;
    return ctx->out[i]->data;
}

static void write_out(const struct op_run *ctx, const struct slices *s, int64_t groups,
                      const int64_t *lists)
{
    const int64_t *of = lists + GROUP * s->n, *first = lists + FIRST * s->n;
    const int64_t *count = lists + COUNT * s->n, *places = lists + PLACE * s->n;
    int64_t *firsts = numbers(ctx, 1, groups), *inverse = numbers(ctx, 2, s->n);
    int64_t *counts = numbers(ctx, 3, groups);
    for (int64_t i = 0; i < groups; i++) {
        if (s->outer * s->inner > 0)
            copy_slice(s, first[i], ctx->out[0], groups, places[i]);
        if (firsts)
            firsts[places[i]] = first[i];
        if (counts)
            counts[places[i]] = count[i];
    }
    for (int64_t i = 0; i < s->n && inverse; i++)
        inverse[i] = places[of[i]];
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    struct slices s;
    int64_t *lists = ctx->scratch;
    enum status st = describe(p, ctx->in[0], &s, err);
    if (st != OK)
        return st;
    int64_t *order = sort(&s, lists + BY_ORDER * s.n, lists + SPARE * s.n);
    int64_t groups = group(&s, order, lists);
    place(&s, p->sorted, groups, lists);
    ctx->out[0]->dims[s.axis] = groups;
    write_out(ctx, &s, groups, lists);
    return OK;
}

const struct op op_unique = {
    .domain = "",
    .name = "Unique",
    .code = OP_CODE_unique,
    .since = {11},
    .types = OP_NUMBERS,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 4,
    .flags = OP_SIZED_BY_RUN | OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
