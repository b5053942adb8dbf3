/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Range: start, start + delta, ... before limit.  source: ONNX Range-11 */
#include <math.h>

#include "ops/ops_priv.h"

static bool is_scalar(const struct tensor *t)
{
    return t->rank <= 1 && tensor_count(t) == 1;
}

static enum status count_ints(const struct tensor *const *in, int64_t *n, struct err *err)
{
    int64_t start = tensor_get_i64(in[0], 0), limit = tensor_get_i64(in[1], 0);
    int64_t delta = tensor_get_i64(in[2], 0);
    if (delta == 0)
        return err_set(err, E_BAD_INPUT, "Range: delta is 0");
    uint64_t span =
        delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
    uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
    bool empty = delta > 0 ? limit <= start : limit >= start;
    uint64_t count = empty ? 0 : (span - 1) / step + 1;
    *n = (int64_t)MIN(count, (uint64_t)INT64_MAX);
    return OK;
}

static enum status count_floats(const struct tensor *const *in, int64_t *n, struct err *err)
{
    double start = tensor_get_f64(in[0], 0), limit = tensor_get_f64(in[1], 0);
    double count = ceil((limit - start) / tensor_get_f64(in[2], 0));
    if (!(count < 0x1p62))
        return err_set(err, E_BAD_INPUT, "Range: %g to %g has no count of elements", start, limit);
    *n = count > 0 ? (int64_t)count : 0;
    return OK;
}

static enum status count(const struct tensor *const *in, int64_t *n, struct err *err)
{
    return dtype_is_float(in[0]->dtype) ? count_floats(in, n, err) : count_ints(in, n, err);
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "Range", 3, err);
    if (s != OK)
        return s;
    enum dtype t = ctx->in[0]->dtype;
    if (t != DT_F32 && t != DT_F64 && t != DT_I16 && t != DT_I32 && t != DT_I64)
        return op_no_kernel("Range", 0, ctx->in[0], err);
    for (int i = 0; i < 3; i++) {
        const struct tensor *x = ctx->in[i];
        if (x->dtype != t || !is_scalar(x))
            return op_bad("Range", i, x, "a scalar of input 0's dtype", err);
        s = op_known(ctx, i, err);
        if (s != OK)
            return s;
    }
    int64_t n = 0;
    s = count(ctx->in, &n, err);
    return s == OK ? op_output(ctx, 0, "Range", t, 1, &n, err) : s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct tensor *const *in = ctx->in, *y = ctx->out[0];
    int64_t n = 0;
    enum status s = count(in, &n, err);
    if (s == OK && n != y->dims[0])
        return err_set(err, E_BAD_INPUT, "Range: the range is not the one that was planned");
    if (s != OK)
        return s;
    uint64_t first = (uint64_t)tensor_get_i64(in[0], 0), step = (uint64_t)tensor_get_i64(in[2], 0);
    double start = tensor_get_f64(in[0], 0), delta = tensor_get_f64(in[2], 0);
    for (int64_t i = 0; i < n; i++) {
        if (y->dtype == DT_F32)
            ((float *)y->data)[i] = (float)start + (float)i * (float)delta;
        else if (y->dtype == DT_F64)
            ((double *)y->data)[i] = start + (double)i * delta;
        else if (y->dtype == DT_I16)
            ((int16_t *)y->data)[i] = (int16_t)(first + (uint64_t)i * step);
        else if (y->dtype == DT_I32)
            ((int32_t *)y->data)[i] = (int32_t)(first + (uint64_t)i * step);
        else
            ((int64_t *)y->data)[i] = (int64_t)(first + (uint64_t)i * step);
    }
    return OK;
}

const struct op op_range = {
    .domain = "",
    .name = "Range",
    .code = OP_CODE_range,
    .since = {11},
    .types = OP_T(F32) | OP_T(F64) | OP_T(I16) | OP_T(I32) | OP_T(I64),
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
