/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Det: the determinant of each square matrix, by elimination with row pivots, in double.
 * source: ONNX Det-11, 22 */
#include <math.h>

#include "ops/element.h"
#include "ops/ops_priv.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "Det", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (!dtype_is_float(x->dtype))
        return op_no_kernel("Det", 0, x, err);
    int r = x->rank;
    if (r < 2 || x->dims[r - 1] != x->dims[r - 2] || x->dims[r - 1] > INT16_MAX)
        return op_bad("Det", 0, x, "square matrices of at most 32767 rows", err);
    uint64_t n = (uint64_t)x->dims[r - 1];
    ctx->scratch_bytes = n * n * sizeof(double);
    return op_output(ctx, 0, "Det", x->dtype, r - 2, x->dims, err);
}

/* Brings the largest element of column k, from row k on, to row k. True when rows were exchanged.
 */
static bool pivot(double *m, int64_t n, int64_t k)
{
    int64_t best = k;
    for (int64_t i = k + 1; i < n; i++)
        if (fabs(m[i * n + k]) > fabs(m[best * n + k]))
            best = i;
    for (int64_t j = 0; j < n && best != k; j++) {
        double v = m[k * n + j];
        m[k * n + j] = m[best * n + j];
        m[best * n + j] = v;
    }
    return best != k;
}

static double determinant(double *m, int64_t n)
{
    double det = 1;
    for (int64_t k = 0; k < n; k++) {
        if (pivot(m, n, k))
            det = -det;
        double d = m[k * n + k];
        det *= d;
        for (int64_t i = k + 1; i < n && d != 0; i++) {
            double f = m[i * n + k] / d;
            for (int64_t j = k; j < n; j++)
                m[i * n + j] -= f * m[k * n + j];
        }
    }
    return det;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    int64_t n = x->dims[x->rank - 1];
    double *m = ctx->scratch;
    for (int64_t i = 0; i < tensor_count(y); i++) {
        for (int64_t k = 0; k < n * n; k++)
            m[k] = tensor_get_f64(x, i * n * n + k);
        element_set_f64(y, i, determinant(m, n));
    }
    return OK;
}

const struct op op_det = {
    .domain = "",
    .name = "Det",
    .code = OP_CODE_det,
    .since = {11, 22},
    .types = OP_FLOATS,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .infer = infer,
    .run = run,
};
