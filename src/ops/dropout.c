/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Dropout: the identity; the mask, where asked for, is all true (before opset 10: all ones of the
 * input's dtype). In training that holds for the ratio 0 only: any other draws random numbers, and
 * is refused, when it is known or else when it comes. Before 7 we do not believe is_test = 0, which
 * exporters leave as it is by default.
 * source: ONNX Dropout-6 (is_test), 7, 10, 12 (ratio and training_mode as inputs) */
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

/* As far as the values are known: training_mode must be false, or the ratio 0 (0.5 by default). */
static enum status check_training(int n_in, const struct tensor *const *in, bool may_train,
                                  struct err *err)
{
    const struct tensor *ratio = n_in > 1 ? in[1] : NULL, *train = n_in > 2 ? in[2] : NULL;
    if (ratio && (!may_train || !dtype_is_float(ratio->dtype) || tensor_count(ratio) != 1))
        return op_bad("Dropout", 1, ratio, "one float", err);
    if (train && (!may_train || train->dtype != DT_BOOL || tensor_count(train) != 1))
        return op_bad("Dropout", 2, train, "bool[]", err);
    if (!train || !train->data || !*(const uint8_t *)train->data)
        return OK;
    if (ratio && (!ratio->data || tensor_get_f64(ratio, 0) == 0))
        return OK;
    return err_set(err, E_UNSUPPORTED,
                   "Dropout: training with a ratio other than 0 draws random numbers");
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "Dropout", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    s = check_training(ctx->n_in, ctx->in, p->may_train, err);
    if (s != OK)
        return s;
    enum dtype mask = p->mask_like_input ? x->dtype : DT_BOOL;
    s = op_output(ctx, 0, "Dropout", x->dtype, x->rank, x->dims, err);
    return s == OK ? op_output(ctx, 1, "Dropout", mask, x->rank, x->dims, err) : s;
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = check_training(ctx->n_in, ctx->in, p->may_train, err);
    if (s != OK)
        return s;
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
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 3,
    .out_min = 1,
    .out_max = 2,
    .flags = OP_IN_PLACE, /* no view: run has something to refuse */
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
