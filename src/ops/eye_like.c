/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* EyeLike: a matrix of the input's shape with ones on its k-th diagonal; dtype as the attribute
 * says, or the input's.  source: ONNX EyeLike-9 */
#include <inttypes.h>
#include <string.h>

#include "ops/element.h"
#include "ops/ops_priv.h"

struct params {
    enum dtype dtype; /* DT_NONE: the input's */
    int64_t k;
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    int64_t dtype;
    enum status s = attr_int(&node->attrs, ATTR_dtype, DT_NONE, &dtype, err);
    if (s == OK)
        s = attr_int(&node->attrs, ATTR_k, 0, &p->k, err);
    if (s != OK)
        return s;
    if (dtype && (dtype < 0 || dtype > UINT16_MAX || !dtype_valid((unsigned)dtype)))
        return err_set(err, E_UNSUPPORTED, "EyeLike: dtype number %" PRId64 " is not supported",
                       dtype);
    p->dtype = (enum dtype)dtype;
    return OK;
}

static enum status infer(struct op_infer *ctx, struct err *err)
{
    const struct params *p = ctx->params;
    enum status s = op_operands(ctx, "EyeLike", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = ctx->in[0];
    if (x->rank != 2)
        return op_bad("EyeLike", 0, x, "a matrix", err);
    return op_output(ctx, 0, "EyeLike", p->dtype ? p->dtype : x->dtype, 2, x->dims, err);
}

static enum status run(const struct op_run *ctx, struct err *err)
{
    UNUSED(err);
    const struct params *p = ctx->params;
    const struct tensor *y = ctx->out[0];
    int64_t rows = y->dims[0], n = y->dims[1];
    if (tensor_count(y) == 0)
        return OK;
    memset(y->data, 0, (size_t)tensor_count(y) * dtype_bytes(y->dtype));
    if (p->k <= -rows || p->k >= n)
        return OK;
    for (int64_t i = MAX(0, -p->k); i < rows && i + p->k < n; i++)
        element_set_i64(y, i * n + i + p->k, 1);
    return OK;
}

const struct op op_eye_like = {
    .domain = "",
    .name = "EyeLike",
    .code = OP_CODE_eye_like,
    .since = {9},
    .types = OP_ANY,
    .in_min = 1,
    .in_max = 1,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
