/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* ReverseSequence, of any dtype: of each batch item the first sequence_lens[item] steps turn round,
 * the rest stays.  source: ONNX ReverseSequence-10 */
#include <inttypes.h>
#include <string.h>

#include "ops/ops_priv.h"

struct params {
    int64_t batch_axis, time_axis;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = attr_int(&node->attrs, ATTR_batch_axis, 1, &p->batch_axis, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_time_axis, 0, &p->time_axis, err);
    if (s == OK && ((p->batch_axis | p->time_axis) != 1 || p->batch_axis == p->time_axis))
        return err_set(err, E_CORRUPT,
                       "ReverseSequence: batch_axis %" PRId64 ", time_axis %" PRId64
                       ", expected 0 and 1 or 1 and 0",
                       p->batch_axis, p->time_axis);
    return s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "ReverseSequence", 2, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *lens = ctx->in[1];
    if (x->rank < 2)
        return op_bad("ReverseSequence", 0, x, "rank 2 or more", err);
    if (lens->dtype != DT_I64 || lens->rank != 1 || lens->dims[0] != x->dims[p->batch_axis])
        return op_bad("ReverseSequence", 1, lens, "int64, one length per batch item", err);
    return op_output(ctx, 0, "ReverseSequence", x->dtype, x->rank, x->dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0], *lens = ctx->in[1];
    if (tensor_count(x) == 0)
        return OK;
    int64_t steps = x->dims[p->time_axis], batch = x->dims[p->batch_axis];
    size_t bytes = (size_t)op_span(x->dims, 2, x->rank) * dtype_bytes(x->dtype);
    for (int64_t b = 0; b < batch; b++) {
        int64_t len = tensor_get_i64(lens, b);
        if (len < 0 || len > steps)
            return err_set(err, E_BAD_INPUT,
                           "ReverseSequence: length %" PRId64 " of item %" PRId64
                           " is outside 0 to %" PRId64,
                           len, b, steps);
        for (int64_t t = 0; t < steps; t++) {
            int64_t from = t < len ? len - 1 - t : t;
            int64_t to_at = p->time_axis ? b * steps + t : t * batch + b;
            int64_t from_at = p->time_axis ? b * steps + from : from * batch + b;
            memcpy((uint8_t *)ctx->out[0]->data + (size_t)to_at * bytes,
                   (const uint8_t *)x->data + (size_t)from_at * bytes, bytes);
        }
    }
    return OK;
}

const struct op op_reverse_sequence = {
    .domain = "",
    .name = "ReverseSequence",
    .code = OP_CODE_reverse_sequence,
    .since = {10},
    .types = OP_ANY,
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
