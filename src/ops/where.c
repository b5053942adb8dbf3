/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Where, of any dtype: condition ? a : b, all three broadcast.  source: ONNX Where-16 */
#include "kernels/elementwise.h"
#include "ops/broadcast.h"
#include "ops/ops_priv.h"

static enum status infer(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "Where", 3, err);
    if (s != OK)
        return s;
    const struct tensor *c = ctx->in[0], *a = ctx->in[1], *b = ctx->in[2];
    if (c->dtype != DT_BOOL)
        return op_bad("Where", 0, c, "bool", err);
    if (a->dtype != b->dtype)
        return op_bad("Where", 2, b, dtype_text(a->dtype), err);
    struct tensor ab = {.dtype = a->dtype};
    int rank;
    int64_t dims[TENSOR_RANK_MAX];
    char tc[TENSOR_TEXT_MAX], ta[TENSOR_TEXT_MAX], tb[TENSOR_TEXT_MAX];
    if (!shape_broadcast(a, b, &ab.rank, ab.dims) || !shape_broadcast(c, &ab, &rank, dims))
        return err_set(err, E_BAD_INPUT, "Where: %s, %s and %s do not broadcast",
                       tensor_text(c, tc), tensor_text(a, ta), tensor_text(b, tb));
    return op_output(ctx, 0, "Where", a->dtype, rank, dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct tensor *y = ctx->out[0];
    if (tensor_count(y) == 0)
        return OK;
    struct broadcast w;
    broadcast_begin(&w, y, ctx->in, 3);
    int width = (int)dtype_bytes(y->dtype);
    int64_t n = broadcast_run_count(&w);
    uint8_t *out = y->data;
    const int64_t steps[3] = {broadcast_run_step(&w, 0), broadcast_run_step(&w, 1),
                              broadcast_run_step(&w, 2)};
    do {
        const void *ab[2] = {(const uint8_t *)ctx->in[1]->data + w.at[1] * width,
                             (const uint8_t *)ctx->in[2]->data + w.at[2] * width};
        select_any(n, steps, (const uint8_t *)ctx->in[0]->data + w.at[0], ab, width, out);
        out += n * width;
    } while (broadcast_next(&w));
    return OK;
}

const struct op op_where = {
    .domain = "",
    .name = "Where",
    .code = OP_CODE_where,
    .since = {9, 16},
    .types = OP_ANY,
    .in_min = 3,
    .in_max = 3,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .infer = infer,
    .run = run,
};
