/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Tile, of any dtype: every dim repeated as operand 1 says.  source: ONNX Tile-6, Tile-13 */
#include <inttypes.h>

#include "kernels/strided.h"
#include "ops/ops_priv.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    int64_t repeats[TENSOR_RANK_MAX], dims[TENSOR_RANK_MAX];
    int n = 0;
    enum status s = op_operands(ctx, "Tile", 2, err);
    if (s == OK)
        s = op_known(ctx, 1, err);
    if (s == OK)
        s = op_values("Tile", 1, ctx->in[1], repeats, TENSOR_RANK_MAX, &n, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (n != x->rank)
        return op_bad("Tile", 0, x, "as many dims as there are repeats", err);
    for (int d = 0; d < n; d++)
        if (repeats[d] < 0 || __builtin_mul_overflow(x->dims[d], repeats[d], &dims[d]))
            return err_set(err, E_BAD_INPUT, "Tile: dim %d repeated %" PRId64 " times", d,
                           repeats[d]);
    return op_output(ctx, 0, "Tile", x->dtype, n, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct tensor *x = ctx->in[0], *y = ctx->out[0];
    if (tensor_count(y) == 0)
        return OK;
    struct strided s = {.rank = 0};
    for (int d = 0; d < x->rank; d++) {
        int64_t from = op_span(x->dims, d + 1, x->rank), to = op_span(y->dims, d + 1, y->rank);
        strided_dim(&s, y->dims[d] / x->dims[d], 0, x->dims[d] * to);
        strided_dim(&s, x->dims[d], from, to);
    }
    strided_copy(&s, x->data, y->data, (int)dtype_bytes(x->dtype));
    return OK;
}

const struct op op_tile = {
    .domain = "",
    .name = "Tile",
    .code = OP_CODE_tile,
    .since = {6, 13},
    .types = OP_ANY,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .infer = infer,
    .run = run,
};
