/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ReduceLogSumExp: log of the sum of e^x over axes, in double; the largest element is taken out
 * first, so that no finite input overflows.
 * source: ONNX ReduceLogSumExp-13 (attribute), ReduceLogSumExp-18 (operand) */
#include <math.h>

#include "ops/broadcast.h"
#include "ops/element.h"
#include "ops/reduce.h"

/* Says which dtypes there are; its kernels are not run. */
static const struct reduce_set set = {.op = "ReduceLogSumExp",
                                      .f32 = reduce_max_f32,
                                      .f64 = reduce_max_f64,
                                      .i32 = reduce_max_i32,
                                      .i64 = reduce_max_i64,
                                      .u32 = reduce_max_u32,
                                      .u64 = reduce_max_u64};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    return reduce_prepare(node, "ReduceLogSumExp", node->version < 18, params, err);
}

/* Scratch: the maxima, then the sums. */
static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = reduce_infer(ctx, &set, err);
    if (s != OK)
        return s;
    uint64_t n = (uint64_t)tensor_count(ctx->out[0]);
    if (__builtin_mul_overflow(n, 2 * sizeof(double), &ctx->scratch_bytes))
        return op_bad("ReduceLogSumExp", 0, ctx->in[0], "fewer elements", err);
    return OK;
}

/* Walks x: pass 0 finds the maxima, pass 1 adds e^(x - max). */
static void walk(const struct tensor *x, const struct tensor *full, double *max, double *sum)
{
    const struct tensor *operand[1] = {full};
    struct broadcast w;
    int64_t at = 0;
    broadcast_begin(&w, x, operand, 1);
    int64_t n = broadcast_run_count(&w), step = broadcast_run_step(&w, 0);
    do {
        for (int64_t i = 0; i < n; i++, at++) {
            int64_t to = w.at[0] + i * step;
            double v = tensor_get_f64(x, at);
            if (sum)
                sum[to] += isinf(max[to]) ? v == max[to] : exp(v - max[to]);
            else if (v > max[to] || v != v)
                max[to] = v;
        }
    } while (broadcast_next(&w));
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    struct tensor full;
    enum status s = reduce_kept(ctx, &set, &full, err);
    if (s != OK)
        return s;
    int64_t n = tensor_count(y);
    double *max = ctx->scratch, *sum = max + n;
    for (int64_t i = 0; i < n; i++) {
        max[i] = -INFINITY;
        sum[i] = 0;
    }
    if (tensor_count(x) > 0) {
        walk(x, &full, max, NULL);
        walk(x, &full, max, sum);
    }
    for (int64_t i = 0; i < n; i++)
        element_set_f64(y, i, max[i] == -INFINITY ? max[i] : max[i] + log(sum[i]));
    return OK;
}

const struct op op_reduce_log_sum_exp = {
    .domain = "",
    .name = "ReduceLogSumExp",
    .code = OP_CODE_reduce_log_sum_exp,
    .since = {1, 11, 13, 18},
    .types = OP_FLOATS | OP_T(I32) | OP_T(I64) | OP_T(U32) | OP_T(U64),
    .in_min = 1,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct reduce_params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
