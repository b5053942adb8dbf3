/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* LRN: local response normalisation over channels.  source: ONNX LRN-13 */
#include <inttypes.h>

#include "kernels/pool.h"
#include "ops/as_f32.h"
#include "ops/ops_priv.h"

struct params {
    float alpha, beta, bias;
    int64_t size;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = attr_float(&node->attrs, ATTR_alpha, 0.0001f, &p->alpha, err);
    if (s == OK)
        s = attr_float(&node->attrs, ATTR_beta, 0.75f, &p->beta, err);
    if (s == OK)
        s = attr_float(&node->attrs, ATTR_bias, 1, &p->bias, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_size, 0, &p->size, err);
    if (s == OK && (p->size < 1 || p->size > OP_EXTENT_MAX))
        return err_set(err, E_CORRUPT, "LRN: attribute size is %" PRId64 ", expected at least 1",
                       p->size);
    return s;
}

static enum status infer_own(struct op_infer *ctx, struct err *err)
{
    enum status s = op_operands(ctx, "LRN", 1, err);
    if (s == OK && ctx->in[0]->dtype != DT_F64)
        s = op_only(ctx, "LRN", 0, DT_F32, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (x->rank < 2)
        return op_bad("LRN", 0, x, "batch and channels", err);
    return op_output(ctx, 0, "LRN", x->dtype, x->rank, x->dims, err);
}

static enum status run_own(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    if (tensor_count(x) == 0)
        return OK;
    struct lrn l = {.batch = x->dims[0], .channels = x->dims[1], .window = p->size};
    l.size = op_span(x->dims, 2, x->rank);
    l.alpha = p->alpha;
    l.beta = p->beta;
    l.bias = p->bias;
    if (x->dtype == DT_F64) {
        lrn_f64(&l, x->data, ctx->out[0]->data);
        return OK;
    }
    l.x = x->data;
    l.y = ctx->out[0]->data;
    lrn_f32(&l);
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return as_f32_infer(ctx, "LRN", infer_own, AS_F32_HALF, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return as_f32_run(ctx, run_own, AS_F32_HALF, err);
}

const struct op op_lrn = {
    .domain = "",
    .name = "LRN",
    .code = OP_CODE_lrn,
    .since = {1, 13},
    .types = OP_FLOATS,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
