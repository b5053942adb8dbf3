/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Dropout, for inference: the identity; the mask, where asked for, is all true (before opset 10:
 * all ones of the input's dtype).  source: ONNX Dropout-6 (is_test), 7, 10, 12 (training_mode) */
#include "ops/element.h"
#include "ops/ops_priv.h"

struct params {
    bool mask_like_input, may_train;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    UNUSED(err);
    p->mask_like_input = node->version < 10;
    p->may_train = node->version >= 12;
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "Dropout", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0], *train = ctx->n_in > 2 ? ctx->in[2] : NULL;
    if (train && (!p->may_train || train->dtype != DT_BOOL || tensor_count(train) != 1))
        return op_bad("Dropout", 2, train, "bool[]", err);
    if (train && (!train->data || *(const uint8_t *)train->data))
        return err_set(err, E_UNSUPPORTED, "Dropout: training_mode is not known to be false");
    enum dtype mask = p->mask_like_input ? x->dtype : DT_BOOL;
    s = op_output(ctx, 0, "Dropout", x->dtype, x->rank, x->dims, err);
    return s == OK ? op_output(ctx, 1, "Dropout", mask, x->rank, x->dims, err) : s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    op_copy(ctx->in[0], ctx->out[0]);
    const struct tensor *mask = ctx->n_out > 1 ? ctx->out[1] : NULL;
    int64_t n = mask ? tensor_count(mask) : 0;
    for (int64_t i = 0; i < n; i++)
        element_set_i64(mask, i, 1);
    return OK;
}

const struct op op_dropout = {
    .domain = "",
    .name = "Dropout",
    .code = OP_CODE_dropout,
    .since = {1, 6, 7, 10, 12, 13},
    .in_min = 1,
    .in_max = 3,
    .out_min = 1,
    .out_max = 2,
    .flags = OP_VIEW,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
