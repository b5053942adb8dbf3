/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Upsample: scales alone, asymmetric. linear computes in float32, from and to any number.
 * source: ONNX Upsample-1 (height_scale, width_scale), 7 (attribute scales), 9 (operand) */
#include <string.h>

#include "ops/as_f32.h"
#include "ops/resize.h"

struct params {
    struct resize_params how;
    bool by_attr;
    int32_t n;
    float scales[TENSOR_RANK_MAX];
};

/* Version 1: the last two of four dims. */
static enum status read_two(const struct op_node *node, struct params *p, struct err *err)
{
    p->n = 4;
    p->scales[0] = p->scales[1] = 1;
    enum status s = attr_float(&node->attrs, ATTR_height_scale, 0, &p->scales[2], err);
    return s == OK ? attr_float(&node->attrs, ATTR_width_scale, 0, &p->scales[3], err) : s;
}

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    enum status s = resize_read(node, &p->how, err);
    const struct attr *a = attr_find(&node->attrs, ATTR_scales);
    p->by_attr = node->version < 9;
    if (s != OK || !p->by_attr)
        return s != OK || node->n_in == 2
                   ? s
                   : err_set(err, E_CORRUPT, "Upsample: %d inputs, expected 2", node->n_in);
    if (node->version < 7)
        return read_two(node, p, err);
    if (!a || a->type != ATTR_FLOATS || a->count > TENSOR_RANK_MAX)
        return err_set(err, E_CORRUPT, "Upsample: attribute scales is not a list of up to %d",
                       TENSOR_RANK_MAX);
    if (a->count)
        memcpy(p->scales, a->floats, a->count * sizeof(float));
    p->n = (int32_t)a->count;
    return OK;
}

static enum status read_dims(const struct params *p, const struct tensor *const *in,
                             struct resize_dim dims[TENSOR_RANK_MAX], struct err *err)
{
    const struct tensor *x = in[0], *scales = p->by_attr ? NULL : in[1];
    const float *values = p->scales;
    if (scales) {
        if (scales->dtype != DT_F32 || scales->rank != 1)
            return op_bad("Upsample", 1, scales, "float32[rank of input 0]", err);
        values = scales->data;
    }
    if ((scales ? scales->dims[0] : p->n) != x->rank)
        return err_set(err, E_BAD_INPUT, "Upsample: as many scales as dims (%d) are wanted",
                       x->rank);
    enum status s = OK;
    for (int d = 0; d < x->rank && s == OK; d++) {
        dims[d] = (struct resize_dim){.end = 1};
        s = resize_scale("Upsample", x->dims[d], values[d], &dims[d], err);
    }
    return s;
}

/* What nearest moves as it is; all else is computed. */
static unsigned computed(const struct params *p)
{
    return p->how.mode == RESIZE_NEAREST
               ? 0
               : AS_F32_HALF | AS_F32_F64 | AS_F32_INTEGERS | AS_F32_FIRST;
}

static enum status infer_own(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    struct resize_dim dims[TENSOR_RANK_MAX];
    enum status s = op_operands(ctx, "Upsample", p->by_attr ? 1 : 2, err);
    if (s == OK && computed(p))
        s = op_only(ctx, "Upsample", 0, DT_F32, err);
    if (s == OK)
        s = op_known(ctx, 1, err);
    if (s == OK)
        s = read_dims(p, ctx->in, dims, err);
    return s == OK ? resize_plan(ctx, "Upsample", &p->how, dims, err) : s;
}

static enum status run_own(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    const struct tensor *x = ctx->in[0];
    struct resize_dim dims[TENSOR_RANK_MAX];
    enum status s = read_dims(p, ctx->in, dims, err);
    for (int d = 0; d < x->rank && s == OK; d++)
        if (dims[d].out != ctx->out[0]->dims[d])
            return err_set(err, E_BAD_INPUT, "Upsample: the scales are not those planned");
    if (s == OK)
        resize_run(ctx, &p->how, dims);
    return s;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    return as_f32_infer(ctx, "Upsample", infer_own, computed(ctx->params), err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    return as_f32_run(ctx, run_own, computed(ctx->params), err);
}

const struct op op_upsample = {
    .domain = "",
    .name = "Upsample",
    .code = OP_CODE_upsample,
    .since = {1, 7, 9},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
