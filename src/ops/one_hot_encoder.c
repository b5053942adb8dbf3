/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* OneHotEncoder of numbers: a new last axis with a 1 where the category is. Floats count as the
 * integer they truncate to.  source: ONNX ai.onnx.ml OneHotEncoder-1 */
#include "ops/ml.h"

enum operand { X, CATEGORIES };

struct params {
    bool zeros; /* an unknown category gives zeros; otherwise it is refused */
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return op_flag(node, ATTR_zeros, 1, &p->zeros, err);
}

static enum status infer(struct op_infer *c, struct err *err)
{
    enum status s = op_operands(c, "OneHotEncoder", 2, err);
    if (s == OK)
        s = ml_vector(c, "OneHotEncoder", CATEGORIES, DT_I64, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[X];
    if (!ml_numeric(x->dtype))
        return op_no_kernel("OneHotEncoder", X, x, err);
    int64_t dims[TENSOR_RANK_MAX + 1];
    for (int d = 0; d < x->rank; d++)
        dims[d] = x->dims[d];
    dims[x->rank] = c->in[CATEGORIES]->dims[0];
    return op_output(c, 0, "OneHotEncoder", DT_F32, x->rank + 1, dims, err);
}

static enum status run(const struct op_run *c, struct err *err)
{
    const struct params *p = c->params;
    const struct tensor *x = c->in[X];
    const int64_t *categories = c->in[CATEGORIES]->data;
    int64_t n = c->in[CATEGORIES]->dims[0];
    float *y = c->out[0]->data;
    for (int64_t i = 0; i < tensor_count(x); i++, y += n) {
        int64_t v = tensor_get_i64(x, i);
        bool known = false;
        for (int64_t k = 0; k < n; k++) {
            y[k] = !known && categories[k] == v;
            known = known || categories[k] == v;
        }
        if (!known && !p->zeros)
            return err_set(err, E_BAD_INPUT,
                           "OneHotEncoder: element %lld is %lld, which is no category",
                           (long long)i, (long long)v);
    }
    return OK;
}

static const enum attr_key consts[] = {ATTR_cats_int64s, ATTR_NONE};

const struct op op_one_hot_encoder = {
    .domain = "ai.onnx.ml",
    .name = "OneHotEncoder",
    .code = OP_CODE_one_hot_encoder,
    .since = {1},
    .in_min = 2,
    .in_max = 2,
    .out_min = 1,
    .out_max = 1,
    .params_bytes = sizeof(struct params),
    .const_attrs = consts,
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
