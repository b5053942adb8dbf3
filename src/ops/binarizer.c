/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Binarizer: 1 above the threshold, otherwise 0 (NaN too), in the input's dtype.
 * source: ONNX ai.onnx.ml Binarizer-1 */
#include "ops/ml.h"

struct params {
    float threshold;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return attr_float(&node->attrs, ATTR_threshold, 0, &p->threshold, err);
}

static enum status infer(struct op_infer *c, struct err *err)
{
    enum status s = op_operands(c, "Binarizer", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[0];
    if (!ml_numeric(x->dtype))
        return op_no_kernel("Binarizer", 0, x, err);
    return op_output(c, 0, "Binarizer", x->dtype, x->rank, x->dims, err);
}

static enum status run(const struct op_run *c, struct err *err)
{
    UNUSED(err);
    const struct params *p = c->params;
    const struct tensor *x = c->in[0], *y = c->out[0];
    for (int64_t i = 0; i < tensor_count(x); i++) {
        bool above = tensor_get_f64(x, i) > (double)p->threshold;
        switch (y->dtype) {
        case DT_F32:
            ((float *)y->data)[i] = above;
            break;
        case DT_F64:
            ((double *)y->data)[i] = above;
            break;
        case DT_I64:
            ((int64_t *)y->data)[i] = above;
            break;
        default:
            ((int32_t *)y->data)[i] = above;
            break;
        }
    }
    return OK;
}

const struct op op_binarizer = {
    .domain = "ai.onnx.ml",
    .name = "Binarizer",
    .code = OP_CODE_binarizer,
    .since = {1},
    .types = OP_T(F32) | OP_T(F64) | OP_T(I32) | OP_T(I64),
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_IN_PLACE,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
