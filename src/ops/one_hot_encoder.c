/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* OneHotEncoder: a new last axis with a 1 where the category is. Floats count as the integer they
 * truncate to.  source: ONNX ai.onnx.ml OneHotEncoder-1 */
#include "ops/ml.h"

enum operand { X, CATS_INT64S, CATS_STRINGS, OPERANDS };

struct params {
    bool zeros; /* an unknown category gives zeros; otherwise it is refused */
};

static enum status prepare(const struct op_node *node, void *params, struct err *err)
{
    struct params *p = params;
    return op_flag(node, ATTR_zeros, 1, &p->zeros, err);
}

static int categories_of(const struct tensor *x)
{
    return x->dtype == DT_STRING ? CATS_STRINGS : CATS_INT64S;
}

static enum status infer(struct op_infer *c, struct err *err)
{
    enum status s = op_operands(c, "OneHotEncoder", 1, err);
    if (s != OK)
        return s;
    const struct tensor *x = c->in[X];
    if (!ml_numeric(x->dtype) && x->dtype != DT_STRING)
        return op_no_kernel("OneHotEncoder", X, x, err);
    int k = categories_of(x);
    const struct tensor *categories = op_operand(c->in, c->n_in, k);
    if (!categories)
        return op_bad("OneHotEncoder", X, x, k == CATS_STRINGS ? "numbers" : "strings", err);
    s = ml_vector(c, "OneHotEncoder", k, k == CATS_STRINGS ? DT_STRING : DT_I64, err);
    if (s != OK)
        return s;
    int64_t dims[TENSOR_RANK_MAX + 1];
    for (int d = 0; d < x->rank; d++)
        dims[d] = x->dims[d];
    dims[x->rank] = categories->dims[0];
    return op_output(c, 0, "OneHotEncoder", DT_F32, x->rank + 1, dims, err);
}

/* Is element i of x category k? */
static bool is_category(const struct tensor *x, int64_t i, const struct tensor *categories,
                        int64_t k)
{
    if (x->dtype == DT_STRING)
        return text_same(text_get(x, i), text_get(categories, k));
    return tensor_get_i64(x, i) == tensor_get_i64(categories, k);
}

static enum status unknown(const struct tensor *x, int64_t i, struct err *err)
{
    struct text t = x->dtype == DT_STRING ? text_get(x, i) : (struct text){0};
    if (x->dtype == DT_STRING)
        return err_set(err, E_BAD_INPUT,
                       "OneHotEncoder: element %lld is '%.*s', which is no category", (long long)i,
                       (int)MIN(t.len, 80), t.len ? t.at : "");
    return err_set(err, E_BAD_INPUT, "OneHotEncoder: element %lld is %lld, which is no category",
                   (long long)i, (long long)tensor_get_i64(x, i));
}

static enum status run(const struct op_run *c, struct err *err)
{
    const struct params *p = c->params;
    const struct tensor *x = c->in[X], *categories = c->in[categories_of(x)];
    int64_t n = categories->dims[0];
    float *y = c->out[0]->data;
    for (int64_t i = 0; i < tensor_count(x); i++, y += n) {
        bool known = false;
        for (int64_t k = 0; k < n; k++) {
            y[k] = !known && is_category(x, i, categories, k);
            known = known || y[k] > 0;
        }
        if (!known && !p->zeros)
            return unknown(x, i, err);
    }
    return OK;
}

static const enum attr_key consts[] = {ATTR_cats_int64s, ATTR_cats_strings, ATTR_NONE};

const struct op op_one_hot_encoder = {
    .domain = "ai.onnx.ml",
    .name = "OneHotEncoder",
    .code = OP_CODE_one_hot_encoder,
    .since = {1},
    .types = OP_T(F32) | OP_T(F64) | OP_T(I32) | OP_T(I64),
    .in_min = 1,
    .in_max = OPERANDS,
    .out_min = 1,
    .out_max = 1,
    .flags = OP_STRINGS,
    .params_bytes = sizeof(struct params),
    .const_attrs = consts,
    .prepare = prepare,
    .infer = infer,
    .run = run,
};
