/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The modes are separable: one pass a dim, those that shrink first, so that nothing between is
 * larger than the input or the output. A pass sees its operand as [outer][n][inner]. Nearest moves
 * elements of any dtype; the others compute in float32. */
#include <string.h>

#include "base/checked.h"
#include "ops/resize.h"

struct step {
    int64_t outer, inner;
    struct resize_dim dim;
};

/* The dims that change, in the order of the passes. */
static int order(const struct resize_params *p, const struct tensor *x,
                 const struct resize_dim *dims, struct step steps[TENSOR_RANK_MAX])
{
    int64_t now[TENSOR_RANK_MAX];
    int n = 0;
    for (int d = 0; d < x->rank; d++)
        now[d] = x->dims[d];
    for (int grow = 0; grow < 2; grow++)
        for (int d = 0; d < x->rank; d++) {
            bool same = dims[d].in == dims[d].out && dims[d].scale == 1 &&
                        p->place != PLACE_TF_CROP && p->place != PLACE_TF_HALF_PIXEL;
            if (same || (dims[d].out > dims[d].in) != (bool)grow)
                continue;
            steps[n++] = (struct step){op_span(now, 0, d), op_span(now, d + 1, x->rank), dims[d]};
            now[d] = dims[d].out;
        }
    return n;
}

/* Bytes of one of the two buffers between passes, and of the table of the largest dim. */
static bool sizes(const struct resize_params *p, const struct tensor *x,
                  const struct resize_dim *dims, uint64_t *buffer, uint64_t *table)
{
    struct step steps[TENSOR_RANK_MAX];
    int n = order(p, x, dims, steps);
    uint64_t tap = (uint64_t)resize_tap_count(p) * (sizeof(int64_t) + sizeof(float)) + 1, bytes;
    *buffer = *table = 0;
    for (int i = 0; i < n; i++) {
        uint64_t count = (uint64_t)steps[i].dim.out;
        if (!checked_mul(count, tap, &bytes))
            return false;
        *table = MAX(*table, bytes);
        if (!checked_mul(count, (uint64_t)steps[i].outer, &count) ||
            !checked_mul(count, (uint64_t)steps[i].inner, &count) ||
            !checked_mul(count, dtype_bytes(x->dtype), &bytes))
            return false;
        if (i + 1 < n)
            *buffer = MAX(*buffer, bytes);
    }
    return checked_align(*buffer, 64, buffer);
}

enum status resize_plan(struct op_infer *ctx, const char *op, const struct resize_params *p,
                        const struct resize_dim *dims, struct err *err)
{
    const struct tensor *x = ctx->in[0];
    int64_t out[TENSOR_RANK_MAX];
    uint64_t buffer, table, all;
    for (int d = 0; d < x->rank; d++) {
        out[d] = dims[d].out;
        if ((dims[d].in == 0) != (dims[d].out == 0))
            return op_bad(op, 0, x, "elements in each dim that is to have some", err);
    }
    enum status s = op_output(ctx, 0, op, x->dtype, x->rank, out, err);
    if (s != OK || tensor_count(ctx->out[0]) == 0)
        return s;
    if (!sizes(p, x, dims, &buffer, &table) || !checked_mul(buffer, 2, &all) ||
        !checked_add(all, table, &all) || all > INT64_MAX)
        return err_set(err, E_UNSUPPORTED, "%s: what stands between the dims has no size", op);
    ctx->scratch_bytes = all;
    return OK;
}

/* What a pass follows: taps of every output position. */
struct table {
    int taps;
    int64_t *index;
    float *weight;
    uint8_t *outside;
};

static void fill_table(const struct resize_params *p, const struct resize_dim *d, struct table *t,
                       void *at)
{
    t->taps = resize_tap_count(p);
    t->index = at;
    t->weight = (float *)(t->index + d->out * t->taps);
    t->outside = (uint8_t *)(t->weight + d->out * t->taps);
    for (int64_t i = 0; i < d->out; i++) {
        int64_t index[RESIZE_TAPS_MAX] = {0};
        float weight[RESIZE_TAPS_MAX] = {0};
        t->outside[i] = !resize_taps(p, d, i, index, weight);
        for (int k = 0; k < t->taps; k++) {
            t->index[i * t->taps + k] = index[k];
            t->weight[i * t->taps + k] = weight[k];
        }
    }
}

/* y[inner] = the weighted sum of rows of x. */
static void blend(const struct table *t, int64_t i, const float *x, int64_t inner, float *y)
{
    const int64_t *index = t->index + i * t->taps;
    const float *weight = t->weight + i * t->taps;
    for (int64_t j = 0; j < inner; j++)
        y[j] = weight[0] * x[index[0] * inner + j];
    for (int k = 1; k < t->taps; k++) {
        const float *row = x + index[k] * inner;
        for (int64_t j = 0; j < inner; j++)
            y[j] += weight[k] * row[j];
    }
}

static void fill_row(float *y, int64_t n, float value)
{
    for (int64_t j = 0; j < n; j++)
        y[j] = value;
}

static void pass(const struct resize_params *p, const struct step *s, const struct table *t,
                 const void *x, void *y, size_t width)
{
    size_t row = (size_t)s->inner * width;
    const uint8_t *from = x;
    uint8_t *to = y;
    for (int64_t o = 0; o < s->outer; o++, from += (size_t)s->dim.in * row)
        for (int64_t i = 0; i < s->dim.out; i++, to += row) {
            if (t->outside[i]) /* only where the dtype is float32: see infer */
                fill_row((float *)(void *)to, s->inner, p->extrapolation);
            else if (p->mode == RESIZE_NEAREST)
                memcpy(to, from + (size_t)t->index[i] * row, row);
            else
                blend(t, i, (const float *)(const void *)from, s->inner, (float *)(void *)to);
        }
}

void resize_run(const struct op_run *ctx, const struct resize_params *p,
                const struct resize_dim *dims)
{
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    struct step steps[TENSOR_RANK_MAX];
    uint64_t buffer, table;
    int n = order(p, x, dims, steps);
    if (n == 0 || tensor_count(y) == 0 || !sizes(p, x, dims, &buffer, &table)) {
        op_copy(x, y);
        return;
    }
    uint8_t *between[] = {ctx->scratch, (uint8_t *)ctx->scratch + buffer};
    const void *from = x->data;
    for (int i = 0; i < n; i++) {
        struct table t;
        void *to = i + 1 == n ? y->data : between[i % 2];
        fill_table(p, &steps[i].dim, &t, (uint8_t *)ctx->scratch + 2 * buffer);
        pass(p, &steps[i], &t, from, to, dtype_bytes(x->dtype));
        from = to;
    }
}
